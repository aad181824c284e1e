/**
 * The topic `sluice.positions`: where each agreement stands on each input partition. Compacted; written in the transactions that move the
 * positions, so that both are there or neither is. Operators write to it where a partition goes on after a gap.
 */
import type { Cluster, OutRecord } from '../../libs/adapters/kafka/index.ts';
import { KafkaAdmin, positionsTopic, TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import type { ResumeCommand } from '../../libs/ledger/index.ts';
import { z } from 'zod';
import type { Standing } from './standing.ts';
import { unreadableKeptMax } from './standing.ts';

const offset = z.string().regex(/^\d{1,19}$/);
const head = z.string().regex(/^[0-9a-f]{64}$/);
const entry = z.discriminatedUnion('kind', [
  z.strictObject({ version: z.literal(1), kind: z.literal('joined'), from: offset, head: head.exactOptional() }),
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('apart'),
    next: offset,
    head,
    heldRevision: z.number().int().exactOptional(),
    gap: z.boolean().exactOptional(),
    unreadable: z.array(offset).max(unreadableKeptMax).exactOptional(),
  }),
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('resume'),
    id: z.string().min(1).max(64),
    at: z.union([z.literal('earliest'), offset]),
  }),
]);

export class PositionLog {
  readonly #cluster: Cluster;
  readonly #reader: TopicReader;
  readonly #report: (failure: Failure) => void;
  /** By `dataset/partition`, then by agreement. */
  readonly #standings = new Map<string, Map<string, Standing>>();
  readonly #resumes = new Map<string, ResumeCommand>();
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(cluster: Cluster, reader: TopicReader, report: (failure: Failure) => void) {
    this.#cluster = cluster;
    this.#reader = reader;
    this.#report = report;
  }

  /** Makes the topic where it is missing. `report` is told of records that cannot be read. */
  static async open(cluster: Cluster, report: (failure: Failure) => void): Promise<Result<PositionLog>> {
    const action = 'opening the positions';
    let reader = await TopicReader.open(cluster, { topic: topicNames.positions, from: 'earliest' });
    if (!reader.ok && reader.failure.code === 'not-found') {
      const created = await new KafkaAdmin(cluster).createTopics([positionsTopic]);
      if (!created.ok) return during(action, created.failure);
      reader = await TopicReader.open(cluster, { topic: topicNames.positions, from: 'earliest' });
    }
    return reader.ok ? ok(new PositionLog(cluster, reader.value, report)) : during(action, reader.failure);
  }

  /** Reads on until everything that was written by now has been read; open transactions are waited for. */
  async caughtUp(): Promise<Result<void>> {
    const done = this.#tail.then(() => this.#catchUp());
    this.#tail = done;
    return done;
  }

  /** What was read for a partition; ask `caughtUp` before. */
  standings(dataset: string, partition: number): ReadonlyMap<string, Standing> {
    return this.#standings.get(`${dataset}/${partition}`) ?? new Map();
  }

  resume(dataset: string, partition: number): ResumeCommand | undefined {
    return this.#resumes.get(`${dataset}/${partition}`);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #catchUp(): Promise<Result<void>> {
    const end = await topicOffsets(this.#cluster, topicNames.positions, 'latest', 'read_uncommitted');
    if (!end.ok) return end;
    while (this.#reader.position(0) < (end.value[0] ?? 0n)) {
      const records = await this.#reader.poll(200);
      if (!records.ok) return records;
      for (const { key, value } of records.value) {
        const taken = this.#take(
          Buffer.from(key ?? []).toString('utf8'),
          value === null ? null : Buffer.from(value).toString('utf8'),
        );
        if (!taken.ok) this.#report(during('reading the positions', taken.failure).failure);
      }
    }
    return ok(undefined);
  }

  /** A record that cannot be read leaves what was known: no position is invented. */
  #take(key: string, text: string | null): Result<void> {
    const [dataset, partition, agreement] = key.split('/');
    if (dataset === undefined || partition === undefined) return fail('request-invalid', 'a record has no such key');
    const place = `${dataset}/${partition}`;
    if (text === null) {
      if (agreement === undefined) this.#resumes.delete(place);
      else this.#standings.get(place)?.delete(agreement);
      return ok(undefined);
    }
    const parsed = entry.safeParse(parsedJson(text));
    if (!parsed.success) return fail('request-invalid', `the record of ${key} is malformed`);
    const { data } = parsed;
    if ((data.kind === 'resume') !== (agreement === undefined))
      return fail('request-invalid', `the record of ${key} is malformed`);
    if (data.kind === 'resume') {
      this.#resumes.set(place, { id: data.id, at: data.at === 'earliest' ? 'earliest' : BigInt(data.at) });
      return ok(undefined);
    }
    let standings = this.#standings.get(place);
    if (standings === undefined) this.#standings.set(place, (standings = new Map()));
    standings.set(agreement as string, standingOf(data));
    return ok(undefined);
  }
}

/** The record that says where an agreement stands; null for one that has ended. */
export function standingRecord(dataset: string, partition: number, agreement: string, standing: Standing | null): OutRecord {
  const key = Buffer.from(`${dataset}/${partition}/${agreement}`);
  if (standing === null) return { key, value: null };
  return { key, value: Buffer.from(JSON.stringify(jsonOf(standing))) };
}

function jsonOf(standing: Standing): object {
  if (standing.kind === 'joined')
    return { version: 1, kind: 'joined', from: String(standing.from), ...(standing.head && { head: hexOf(standing.head) }) };
  const { unreadable, next, head, ...rest } = standing;
  return {
    ...rest,
    version: 1,
    next: String(next),
    head: hexOf(head),
    ...(unreadable && { unreadable: unreadable.map(String) }),
  };
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function standingOf(data: Exclude<z.infer<typeof entry>, { kind: 'resume' }>): Standing {
  if (data.kind === 'joined') {
    const from = BigInt(data.from);
    return data.head === undefined ? { kind: 'joined', from } : { kind: 'joined', from, head: Buffer.from(data.head, 'hex') };
  }
  const { next, head, heldRevision, gap, unreadable } = data;
  return {
    kind: 'apart',
    next: BigInt(next),
    head: Buffer.from(head, 'hex'),
    ...(heldRevision === undefined ? {} : { heldRevision }),
    ...(gap === undefined ? {} : { gap }),
    ...(unreadable === undefined ? {} : { unreadable: unreadable.map(BigInt) }),
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
