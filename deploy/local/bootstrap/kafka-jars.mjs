/** The Kafka broker's jars, copied by Maven into `.sluice/kafka/<version>`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { keepDirectory, root } from './places.mjs';
import { runQuietly } from './run.mjs';
import { NotPossible, step } from './say.mjs';

/** Whether the jars are there, complete and of this pom, and how to get them. A partial download never has the final name. */
export function kafkaJars() {
  const pom = path.join(root, 'deploy', 'local', 'kafka', 'pom.xml');
  const text = readFileSync(pom, 'utf8');
  const version = /<kafka\.version>([^<]+)</.exec(text)[1];
  const hash = createHash('sha256').update(text).digest('hex');
  const directory = path.join(keepDirectory, 'kafka', version);
  const stamp = path.join(directory, 'pom.sha256');
  const missing = !(existsSync(stamp) && readFileSync(stamp, 'utf8') === hash);
  return {
    missing,
    install: async () => {
      if (!missing) return;
      const partial = `${directory}.partial`;
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      await step(`Fetching Kafka ${version} by Maven (once, 44 MB)`, async () => {
        const goal = [
          '-B',
          '-q',
          '--strict-checksums',
          '-f',
          pom,
          'dependency:copy-dependencies',
          `-DoutputDirectory=${partial}`,
        ];
        const { code, output } = await runQuietly('mvn', goal, { cwd: root });
        if (code !== 0) {
          const reason =
            output
              .split('\n')
              .find((line) => line.includes('ERROR'))
              ?.replace(/^\[ERROR\]\s*/, '') ?? 'nothing.';
          throw new NotPossible(`Maven could not fetch the Kafka jars. It said: ${reason}`);
        }
      });
      writeFileSync(path.join(partial, 'pom.sha256'), hash);
      rmSync(directory, { recursive: true, force: true });
      renameSync(partial, directory);
    },
  };
}
