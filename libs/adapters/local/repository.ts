/** Finds the repository's root and what the start script put there. Works from the sources and from dist/, which has no package.json. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The nearest directory upwards whose package.json is named "sluice". */
export function repositoryRoot(from: string = import.meta.dirname): string {
  const file = path.join(from, 'package.json');
  if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'sluice') return from;
  const parent = path.dirname(from);
  if (parent === from) throw new Error('repositoryRoot: no package.json named "sluice" upwards of this file');
  return repositoryRoot(parent);
}

/** Where the start script put the Kafka jars of the pinned version. */
export function kafkaJarsDirectory(root: string = repositoryRoot()): string {
  const pom = readFileSync(path.join(root, 'deploy', 'local', 'kafka', 'pom.xml'), 'utf8');
  const version = /<kafka\.version>([^<]+)</.exec(pom)?.[1];
  if (version === undefined) throw new Error('kafkaJarsDirectory: the pom names no kafka.version');
  return path.join(root, '.sluice', 'kafka', version);
}
