/**
 * The topic `sluice.dispositions`: what became of each redriven record of an agreement, by its coordinates, and the heads of the chains of
 * Receipts of what was redriven. Compacted; written in the transaction that delivers, so that both are there or neither is.
 */
import type { Cluster, OutRecord } from '../../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import { z } from 'zod';

const outcome = z.enum(['delivered', 'withheld', 'refused']);

/** Delivered and withheld are final; what was refused may be redriven again. */
export interface Disposition {
  readonly outcome: z.infer<typeof outcome>;
  /** Of the source record: another one at the same coordinates is in a topic that was made anew. */
  readonly timestampMs: bigint;
  /** Times that it was governed, the first one included. */
  readonly attempt: number;
  /** The redrive that did it. */
  readonly replay: string;
  readonly revision: number;
}

const whole = z.string().regex(/^-?\d{1,19}$/);
const entry = z.discriminatedUnion('kind', [
  z.strictObject({
    version: z.literal(1),
    kind: z.literal('disposition'),
    outcome,
    timestampMs: whole,
    attempt: z.number().int(),
    replay: z.string(),
    revision: z.number().int(),
  }),
  z.strictObject({ version: z.literal(1), kind: z.literal('chain'), head: z.string().regex(/^[0-9a-f]{64}$/) }),
]);

export interface Dispositions {
  of(partition: number, offset: bigint): Disposition | undefined;
  /** SHA-256 of the last Receipt of what was redriven of each partition. */
  readonly heads: ReadonlyMap<number, Uint8Array>;
}

export const noDispositions: Dispositions = { of: () => undefined, heads: new Map() };

const pollWaitMs = 200;

/**
 * Reads everything that was written by now; open transactions are waited for. Whoever opened the agreement's transactional id before has all
 * that its predecessors did. Fails on a record that cannot be read: what it said may have been that a record was delivered.
 */
export async function readDispositions(cluster: Cluster, dataset: string, agreement: string): Promise<Result<Dispositions>> {
  const action = 'reading the dispositions';
  const topic = topicNames.dispositions;
  const end = await topicOffsets(cluster, topic, 'latest', 'read_uncommitted');
  if (!end.ok) return during(action, end.failure);
  const reader = await TopicReader.open(cluster, { topic, from: 'earliest' });
  if (!reader.ok) return during(action, reader.failure);
  const places = new Map<string, Disposition>();
  const heads = new Map<number, Uint8Array>();
  const prefix = `${dataset}/${agreement}/`;
  try {
    while (reader.value.position(0) < (end.value[0] ?? 0n)) {
      const records = await reader.value.poll(pollWaitMs);
      if (!records.ok) return during(action, records.failure);
      for (const { key, value, offset } of records.value) {
        const name = Buffer.from(key ?? []).toString('utf8');
        if (!name.startsWith(prefix)) continue;
        const place = name.slice(prefix.length);
        const parsed = entry.safeParse(parsedJson(value));
        if (!parsed.success || (parsed.data.kind === 'chain') === place.includes('/'))
          return fail('conflict', `${action}: the record at offset ${offset} of ${topic} is malformed`);
        const { data } = parsed;
        if (data.kind === 'chain') heads.set(Number(place), Buffer.from(data.head, 'hex'));
        else places.set(place, { ...data, timestampMs: BigInt(data.timestampMs) });
      }
    }
  } finally {
    await reader.value.close();
  }
  return ok({ of: (partition, offset) => places.get(`${partition}/${offset}`), heads });
}

/** Key `<dataset>/<agreement>/<partition>/<offset>`. */
export function dispositionRecord(
  dataset: string,
  agreement: string,
  place: { readonly partition: number; readonly offset: bigint },
  { outcome, timestampMs, attempt, replay, revision }: Disposition,
): OutRecord {
  const json = { version: 1, kind: 'disposition', outcome, timestampMs: String(timestampMs), attempt, replay, revision };
  return {
    key: Buffer.from(`${dataset}/${agreement}/${place.partition}/${place.offset}`),
    value: Buffer.from(JSON.stringify(json)),
  };
}

/** Key `<dataset>/<agreement>/<partition>`. */
export const chainRecord = (dataset: string, agreement: string, partition: number, head: Uint8Array): OutRecord => ({
  key: Buffer.from(`${dataset}/${agreement}/${partition}`),
  value: Buffer.from(JSON.stringify({ version: 1, kind: 'chain', head: Buffer.from(head).toString('hex') })),
});

function parsedJson(value: Uint8Array | null): unknown {
  try {
    return JSON.parse(Buffer.from(value ?? []).toString('utf8'));
  } catch {
    return undefined;
  }
}
