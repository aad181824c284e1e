/** A path that is a Node program of the bench: `main.js path <name> <settings file>`, in a process of its own. */
import { readFileSync } from 'node:fs';
import type { KafkaAccess } from './bench-kafka.ts';
import { runKafkajsAvsc } from './kafkajs-avsc.ts';
import { runRawCopy } from './raw-copy.ts';

/** What the bench writes for the path, as JSON. */
export interface NodePathSettings {
  readonly access: KafkaAccess;
  readonly inputTopic: string;
  readonly outputTopic: string;
  readonly group: string;
  readonly writerSchema: string;
  readonly governedSchema: string;
  readonly fieldKeyHex: string;
}

/** Does not return while all is well. */
export async function runNodePath(name: string | undefined, settingsFile: string): Promise<never> {
  const settings = JSON.parse(readFileSync(settingsFile, 'utf8')) as NodePathSettings;
  if (name === 'raw-copy') return runRawCopy(settings);
  if (name === 'kafkajs-avsc') return runKafkajsAvsc(settings);
  throw new Error(`there is no path ${name} in Node`);
}
