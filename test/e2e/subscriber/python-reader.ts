/** The answered Python program as a process, where Python and Confluent's client are on this machine. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Whether the packages that the program names are there. */
export const hasPythonClient = (): boolean =>
  spawnSync('python3', ['-c', 'import confluent_kafka.schema_registry.avro'], { stdio: 'ignore' }).status === 0;

/** Runs the program as it was answered until it has printed so many records, and answers those lines. Throws when it ends before. */
export async function runPython(snippet: string, directory: string, records: number): Promise<string[]> {
  const file = path.join(directory, 'read.py');
  writeFileSync(file, snippet, { mode: 0o600 });
  const child = spawn('python3', [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === records) return lines;
    }
    throw new Error(`the Python program ended after ${lines.length} records: ${said.slice(-2_000)}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
