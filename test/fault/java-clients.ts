/** The ordinary Kafka clients of a fault run: Java programs of this directory, run from their source with the broker's jars. */
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { kafkaJarsDirectory, repositoryRoot } from '../../libs/adapters/local/index.ts';

export interface ClientPlace {
  readonly addresses: readonly string[];
  readonly username: string;
  readonly password: string;
  /** Where the file of client properties is written, which holds the password. */
  readonly directory: string;
}

/** A record as a subscriber got it. */
export interface SeenRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the reader had it, milliseconds since the epoch. */
  readonly atMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer | null])[];
}

type Client = ChildProcessByStdio<Writable, Readable, Readable>;

/** A reader of committed records that goes on until it is told to read to the end. */
export class CommittedReader {
  readonly records: SeenRecord[] = [];
  readonly #client: Client;
  readonly #ended: Promise<void>;

  private constructor(client: Client, onRecord: ((record: SeenRecord) => void) | undefined, started: () => void) {
    this.#client = client;
    this.#ended = new Promise((resolve, reject) => {
      let ended = false;
      const lines = createInterface({ input: client.stdout });
      lines.on('line', (line) => {
        if (line === 'reading') started();
        else if (line === 'ended') ended = true;
        else {
          const record = parseLine(line);
          this.records.push(record);
          onRecord?.(record);
        }
      });
      lines.once('close', () => (ended ? resolve() : reject(new Error('the reader ended before it was told to'))));
    });
    this.#ended.catch(() => undefined);
  }

  static async open(
    place: ClientPlace,
    topics: readonly string[],
    onRecord?: (record: SeenRecord) => void,
  ): Promise<CommittedReader> {
    const client = startClient('committed-reader.java', place, topics);
    let reader: CommittedReader | undefined;
    await new Promise<void>((resolve, reject) => {
      reader = new CommittedReader(client, onRecord, resolve);
      client.once('exit', () => reject(new Error('the reader could not start')));
    });
    return reader as CommittedReader;
  }

  /** Everything up to the ends that the topics have now. */
  async toEnd(): Promise<readonly SeenRecord[]> {
    this.#client.stdin.end();
    await this.#ended;
    return this.records;
  }

  stop(): void {
    this.#client.kill('SIGKILL');
  }
}

/** Reads topics from start to end by a client of its own. */
export async function readToEnd(place: ClientPlace, topics: readonly string[]): Promise<readonly SeenRecord[]> {
  const reader = await CommittedReader.open(place, topics);
  return reader.toEnd();
}

/** Producers in one process. */
export class LoadClient {
  readonly #client: Client;
  readonly #waiting = new Map<string, (reason: string | undefined) => void>();
  #tags = 0;

  private constructor(client: Client, ready: () => void) {
    this.#client = client;
    client.stdin.on('error', () => undefined);
    const lines = createInterface({ input: client.stdout });
    lines.on('line', (line) => {
      const [word, tag = '', reason] = line.split(' ');
      if (word === 'ready') ready();
      else this.#answer(tag, word === 'done' ? undefined : (reason ?? 'unknown'));
    });
    lines.once('close', () => {
      for (const tag of this.#waiting.keys()) this.#answer(tag, 'the client ended');
    });
  }

  static async open(place: ClientPlace, topic: string, prefix: string): Promise<LoadClient> {
    const client = startClient('transactional-load.java', place, [topic, prefix]);
    let load: LoadClient | undefined;
    await new Promise<void>((resolve, reject) => {
      load = new LoadClient(client, resolve);
      client.once('exit', () => reject(new Error('the load could not start')));
    });
    return load as LoadClient;
  }

  begin(lane: string): void {
    this.#client.stdin.write(`begin\t${lane}\n`);
  }

  send(lane: string, partition: number, key: Uint8Array | null, value: Uint8Array | null): void {
    this.#client.stdin.write(`send\t${lane}\t${partition}\t${base64(key)}\t${base64(value)}\n`);
  }

  /** Resolves with undefined, or the reason why the outcome is not known. */
  end(lane: string, how: 'commit' | 'abort' | 'flush'): Promise<string | undefined> {
    this.#tags += 1;
    const tag = String(this.#tags);
    const answered = new Promise<string | undefined>((resolve) => this.#waiting.set(tag, resolve));
    this.#client.stdin.write(`${how}\t${lane}\t${tag}\n`);
    return answered;
  }

  async close(): Promise<void> {
    if (this.#client.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#client.once('exit', resolve));
    this.#client.stdin.end();
    await gone;
  }

  stop(): void {
    this.#client.kill('SIGKILL');
  }

  #answer(tag: string, reason: string | undefined): void {
    this.#waiting.get(tag)?.(reason);
    this.#waiting.delete(tag);
  }
}

const base64 = (bytes: Uint8Array | null): string => (bytes === null ? '-' : Buffer.from(bytes).toString('base64'));

function startClient(source: string, place: ClientPlace, args: readonly string[]): Client {
  const { addresses, username, password, directory } = place;
  const properties = path.join(directory, 'client.properties');
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  writeFileSync(
    properties,
    [
      `bootstrap.servers=${addresses.join(',')}`,
      'security.protocol=SASL_PLAINTEXT',
      'sasl.mechanism=SCRAM-SHA-512',
      `sasl.jaas.config=${login} required username="${username}" password="${password}";`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const client = spawn(
    'java',
    [
      '-Xmx256m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      path.join(kafkaJarsDirectory(), '*'),
      path.join(repositoryRoot(), 'test', 'fault', source),
      properties,
      ...args,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  client.stderr.on('data', (chunk: Buffer) => {
    if (!/SLF4J/.test(chunk.toString())) process.stderr.write(chunk);
  });
  return client;
}

function parseLine(line: string): SeenRecord {
  const [topic = '', partition, offset, atMs, key = '-', value = '-', headers = ''] = line.split('\t');
  return {
    topic,
    partition: Number(partition),
    offset: Number(offset),
    atMs: Number(atMs),
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers === '' ? [] : headers.split(',').map(parseHeader),
  };
}

/** `name=base64`; the name has no equals sign, base64 may end with some. */
function parseHeader(text: string): readonly [string, Buffer | null] {
  const at = text.indexOf('=');
  return [text.slice(0, at), bytesOf(text.slice(at + 1))];
}

const bytesOf = (text: string): Buffer | null => (text === '-' ? null : Buffer.from(text, 'base64'));
