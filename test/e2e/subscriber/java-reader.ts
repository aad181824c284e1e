/** The Java subscriber as a process: its libraries by Maven once, its properties from the answered snippet alone. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';

const sources = (): string => path.join(repositoryRoot(), 'test/e2e/subscriber');

/** Which of the programs that the Java subscriber needs are not on this machine. */
export const missingPrograms = (): string[] =>
  ['java', 'mvn'].filter((name) => spawnSync(name, ['-version'], { stdio: 'ignore' }).error !== undefined);

/** Java's class path: the jars in `.sluice/subscriber`, fetched when the pom changed. Throws with what Maven said. */
export function subscriberClassPath(): string {
  const pom = path.join(sources(), 'pom.xml');
  const kept = path.join(repositoryRoot(), '.sluice/subscriber');
  const stamp = path.join(kept, 'pom.sha256');
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) fetchJars(pom, kept, stamp, hash);
  return path.join(kept, '*');
}

/** What was interrupted never has the final name. */
function fetchJars(pom: string, kept: string, stamp: string, hash: string): void {
  const partial = `${kept}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const goal = ['dependency:copy-dependencies', `-Dsubscriber.directory=${partial}`];
  const { error, status, stdout } = spawnSync('mvn', ['-B', '-q', '--strict-checksums', '-f', pom, ...goal], {
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) throw new Error(`Maven could not fetch the libraries: ${error?.message ?? stdout}`);
  rmSync(kept, { recursive: true, force: true });
  renameSync(partial, kept);
  writeFileSync(stamp, hash);
}

/** The properties that the answered Java program sets, as a properties file. Throws for a value that is no constant of the program. */
export function propertiesOf(snippet: string): string {
  const lines = [...snippet.matchAll(/^ *properties\.put\((".*?"), (.*)\);$/gm)].map(
    ([, name = '', value = '']) => `${JSON.parse(name)}=${valueOf(value, snippet)}`,
  );
  if (lines.length === 0) throw new Error('the answered Java program sets no properties');
  return `${lines.join('\n')}\n`;
}

/** A string of Java is one of JSON here; a class is the one that the program imports. */
function valueOf(expression: string, snippet: string): string {
  if (expression.startsWith('"')) return JSON.parse(expression) as string;
  const name = /^(\w+)\.class\.getName\(\)$/.exec(expression)?.[1];
  const imported = new RegExp(`^import (\\S+\\.${name});$`, 'm').exec(snippet)?.[1];
  if (name === undefined || imported === undefined) throw new Error(`the answered Java program has ${expression}`);
  return imported;
}

export interface JavaReader {
  /** Lines that it has printed: one for each record. */
  readonly lines: readonly string[];
  /** What it said beside them. */
  said(): string;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Ends it at once. */
  stop(): void;
}

export interface JavaReaderOptions {
  /** Path of the properties file. */
  readonly properties: string;
  readonly topic: string;
  readonly records: number;
  /** How long it works on what a poll gave, milliseconds. */
  readonly workMs?: number;
}

export function startJavaReader(classPath: string, { properties, topic, records, workMs = 0 }: JavaReaderOptions): JavaReader {
  const program = path.join(sources(), 'GovernedReader.java');
  const args = [
    '-Xmx128m',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    classPath,
    program,
    properties,
    topic,
    String(records),
    String(workMs),
  ];
  const child: ChildProcess = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let said = '';
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  return {
    lines,
    said: () => said,
    ended: new Promise((resolve) => child.once('close', resolve)),
    stop: () => void child.kill('SIGKILL'),
  };
}
