/** The Java peers, built by Maven into `.sluice/peers` when their sources or their pom changed. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';

/** Java's class path. Throws with what Maven said when it cannot build. */
export function peersClassPath(): string {
  const source = path.join(repositoryRoot(), 'test/bench/peers');
  const kept = path.join(repositoryRoot(), '.sluice/peers');
  const stamp = path.join(kept, 'sources.sha256');
  const hash = hashOf(source);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) build(source, kept, stamp, hash);
  return [path.join(kept, 'classes'), path.join(kept, 'jars', '*')].join(path.delimiter);
}

/** A build that was interrupted never has the final name. */
function build(source: string, kept: string, stamp: string, hash: string): void {
  const partial = `${kept}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  console.error('Building the Java peers by Maven (once)');
  const goals = ['compile', 'dependency:copy-dependencies', `-Dpeers.directory=${partial}`];
  const { error, status, stdout } = spawnSync(
    'mvn',
    ['-B', '-q', '--strict-checksums', '-f', path.join(source, 'pom.xml'), ...goals],
    {
      encoding: 'utf8',
    },
  );
  if (error !== undefined || status !== 0) throw new Error(`Maven could not build the peers: ${error?.message ?? stdout}`);
  rmSync(kept, { recursive: true, force: true });
  renameSync(partial, kept);
  writeFileSync(stamp, hash);
}

function hashOf(source: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(java|xml)$/.test(name));
  for (const name of names.sort())
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(path.join(source, name)))
      .update('\0');
  return hash.digest('hex');
}
