/** Finds what is to be redriven: the records of `dlq.<dataset>`, one candidate for each source record of an agreement. */
import type { Cluster, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { Quarantined } from '../../../libs/ledger/index.ts';
import { decodeQuarantined } from '../../../libs/ledger/index.ts';

/** Every part that is given must hold of the newest refusal of a record. */
export interface Selection {
  readonly reasons?: readonly string[];
  /** Path of the field that refused. */
  readonly field?: string;
  readonly partition?: number;
  /** Raw offsets, both inclusive. */
  readonly offsetFrom?: bigint;
  readonly offsetTo?: bigint;
  /** When it was refused, milliseconds since the epoch, both inclusive. */
  readonly refusedFromMs?: number;
  readonly refusedToMs?: number;
  readonly attempt?: number;
}

/** A source record as its newest refusal has it. */
export interface Candidate {
  readonly partition: number;
  readonly offset: bigint;
  /** The same, except of a whole batch. */
  readonly offsetLast: bigint;
  /** Of the record; of a whole batch the largest in it. */
  readonly timestampMs: bigint;
  readonly reason: string;
  readonly field: string | null;
  readonly programHash: string | null;
  readonly attempt: number;
  readonly refusedAtMs: number;
  /** Refused for everybody at once: whether the agreement had it at all is not said here. */
  readonly forEveryone: boolean;
  /** A whole batch was refused, not a record. */
  readonly wholeBatch: boolean;
  /** Offset in the quarantine, same partition, of the newest record with the sealed original. */
  readonly sealedAt: bigint | undefined;
}

export interface Selected {
  /** By partition and offset. */
  readonly candidates: readonly Candidate[];
  /** Records of the quarantine that cannot be read. */
  readonly malformed: number;
}

/** A redrive of more is done in parts. */
export const candidatesMax = 1_000_000;
const pollWaitMs = 200;

/** Reads the whole quarantine of a dataset, up to the end seen now; the sealed originals are left there. */
export async function select(
  cluster: Cluster,
  dataset: string,
  agreement: string,
  selection: Selection,
): Promise<Result<Selected>> {
  const topic = topicNames.quarantine(dataset);
  const action = `reading ${topic}`;
  const end = await topicOffsets(cluster, topic, 'latest');
  if (!end.ok) return during(action, end.failure);
  const reader = await TopicReader.open(cluster, { topic, from: 'earliest' });
  if (!reader.ok) return during(action, reader.failure);
  const found = new Map<string, Candidate>();
  const sealed = new Map<string, bigint>();
  let malformed = 0;
  try {
    while (reader.value.partitions.some((partition) => reader.value.position(partition) < (end.value[partition] ?? 0n))) {
      const records = await reader.value.poll(pollWaitMs);
      if (!records.ok) return during(action, records.failure);
      for (const record of records.value) {
        const quarantined = decodeQuarantined(record.value ?? new Uint8Array());
        if (!quarantined.ok) {
          malformed += 1;
          continue;
        }
        take(record, quarantined.value);
      }
      if (found.size > candidatesMax)
        return fail('request-too-large', `${action}: more than ${candidatesMax} records; select fewer, for example by partition`);
    }
  } finally {
    await reader.value.close();
  }
  const candidates = [...found.entries()]
    .map(([name, candidate]): Candidate => ({ ...candidate, sealedAt: sealed.get(name) }))
    .filter((candidate) => matches(selection, candidate))
    .sort(byPlace);
  return ok({ candidates, malformed });

  function take(record: ReadRecord, quarantined: Quarantined): void {
    const { partition, offsetFirst, offsetLast, timestampMs, reason, field, programHash, attempt } = quarantined;
    if (selection.partition !== undefined && partition !== selection.partition) return;
    // A topic that was made anew has other records at the same offsets: the time tells them apart.
    const wholeBatch = reason === 'batch-corrupt' || offsetLast !== offsetFirst;
    // The first record of a batch may be in the quarantine as well, for itself.
    const name = `${partition}/${offsetFirst}/${timestampMs}${wholeBatch ? '/batch' : ''}`;
    // Whoever's refusal it was, the original is the same.
    if (quarantined.sealed !== null) sealed.set(name, record.offset);
    if (quarantined.agreement !== null && quarantined.agreement !== agreement) return;
    if ((found.get(name)?.attempt ?? 0) > attempt) return;
    found.set(name, {
      partition,
      offset: offsetFirst,
      offsetLast,
      timestampMs,
      reason,
      field,
      programHash,
      attempt,
      refusedAtMs: Number(record.timestampMs),
      forEveryone: quarantined.agreement === null,
      wholeBatch,
      sealedAt: undefined,
    });
  }
}

/** By partition and offset. */
export const byPlace = (one: Candidate, other: Candidate): number =>
  one.partition - other.partition || Number(one.offset - other.offset);

function matches(selection: Selection, candidate: Candidate): boolean {
  const { reasons, field, offsetFrom, offsetTo, refusedFromMs, refusedToMs, attempt } = selection;
  return (
    (reasons === undefined || reasons.includes(candidate.reason)) &&
    (field === undefined || field === candidate.field) &&
    (offsetFrom === undefined || candidate.offset >= offsetFrom) &&
    (offsetTo === undefined || candidate.offset <= offsetTo) &&
    (refusedFromMs === undefined || candidate.refusedAtMs >= refusedFromMs) &&
    (refusedToMs === undefined || candidate.refusedAtMs <= refusedToMs) &&
    (attempt === undefined || candidate.attempt === attempt)
  );
}
