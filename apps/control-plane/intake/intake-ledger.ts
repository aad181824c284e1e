/**
 * What intake remembers, in the compacted topic `sluice.intake`: answers to requests with an Idempotency-Key, and how far each file is read.
 * It is written in the same Kafka transaction as the rows it tells of, so that both are there or neither.
 *
 * A slot is one partition of the topic and one transactional id. Work in a slot holds the slot's lock in PostgreSQL; a holder that lost
 * its lock without knowing is fenced when the next one opens the transactional id, which also ends what it left open. So the next one
 * sees the end of everything that was written before, and nothing can be added behind its back.
 */
import { createHash } from 'node:crypto';

import type { Cluster, OutRecord } from '../../../libs/adapters/kafka/index.ts';
import { KafkaAdmin, TopicReader, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import { Gate } from '../gate.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { expiredAfterMs, parseEntry } from './ledger-entry.ts';

/** Slots of requests and of files: apart, because a file holds its slot for as long as it takes. */
const requestSlots = 16;
const fileSlots = 4;
/** Longest wait for the end of the slot's partition, milliseconds. */
const catchUpMs = 15_000;
/** Slots that one instance holds or waits for at once: locks are also taken by others, who must not wait for intake. */
const heldMax = 8;
/** Most expired entries removed in one transaction. */
const removalsMax = 100;

export const intakeTopic = {
  name: topicNames.intake,
  partitions: requestSlots + fileSlots,
  config: { 'cleanup.policy': 'compact' },
} as const;

/** A slot that is held: what it remembers, and the producer for its transaction. */
export interface HeldSlot {
  readonly producer: TransactionalProducer;
  get(key: string): LedgerEntry | null;
  /** Adds an entry to the open transaction, and takes some expired ones away. It is remembered when the transaction commits. */
  put(key: string, entry: LedgerEntry): Promise<Result<void>>;
}

export class IntakeLedger {
  readonly #cluster: Cluster;
  readonly #database: Database;
  readonly #installation: string;
  readonly #slots = new Map<number, SlotIndex>();
  readonly #gate = new Gate(heldMax);

  /** @param installation tells the transactional ids of installations on one cluster apart. */
  constructor(cluster: Cluster, database: Database, installation: string) {
    this.#cluster = cluster;
    this.#database = database;
    this.#installation = installation;
  }

  /** Runs `work` in the slot of the key, alone among all instances, with everything read that was written before. */
  hold<T>(key: string, kind: LedgerEntry['kind'], work: (slot: HeldSlot) => Promise<Result<T>>): Promise<Result<T>> {
    const slot = slotOf(key, kind);
    return this.#gate.through(() => this.#holdSlot(slot, work));
  }

  #holdSlot<T>(slot: number, work: (slot: HeldSlot) => Promise<Result<T>>): Promise<Result<T>> {
    return this.#database.locked(`intake/${slot}`, async () => {
      const transactionalId = slotTransactionalId(this.#installation, slot);
      const producer = await TransactionalProducer.open(this.#cluster, { transactionalId, timeoutMs: 30_000 });
      if (!producer.ok) return producer;
      try {
        const index = await this.#caughtUp(slot);
        if (!index.ok) return index;
        return await work(heldSlot(producer.value, slot, index.value));
      } finally {
        const broken = !producer.value.usable;
        await producer.value.close();
        // Opening the id again ends the transaction that a broken producer left open: readers of the topic wait for that, callers do not.
        if (broken) void TransactionalProducer.open(this.#cluster, { transactionalId }).catch(() => undefined);
      }
    });
  }

  async #caughtUp(slot: number): Promise<Result<SlotIndex>> {
    let index = this.#slots.get(slot);
    if (index === undefined) {
      const reader = await TopicReader.open(this.#cluster, { topic: intakeTopic.name, partitions: [slot], from: 'earliest' });
      if (!reader.ok) return reader;
      index = new SlotIndex(slot, reader.value);
      this.#slots.set(slot, index);
    }
    const ends = await new KafkaAdmin(this.#cluster).endOffsets(intakeTopic.name, 'read_uncommitted');
    if (!ends.ok) return ends;
    const read = await index.readTo(ends.value[slot] ?? 0n);
    // An index in doubt is read again from the start.
    if (!read.ok) this.#slots.delete(slot);
    return read.ok ? ok(index) : read;
  }
}

/** Where an entry is: its partition in the topic. */
export function slotOf(key: string, kind: LedgerEntry['kind']): number {
  const hash = createHash('sha256').update(key).digest().readUInt32BE(0);
  return kind === 'request' ? hash % requestSlots : requestSlots + (hash % fileSlots);
}

export const slotTransactionalId = (installation: string, slot: number): string => `sluice.intake.${installation}.${slot}`;

function heldSlot(producer: TransactionalProducer, slot: number, index: SlotIndex): HeldSlot {
  return {
    producer,
    get: (key) => index.entries.get(key) ?? null,
    put: (key, entry) => {
      const records: OutRecord[] = index.expired(removalsMax).map((old) => ({ key: Buffer.from(old, 'utf8'), value: null }));
      records.push({ key: Buffer.from(key, 'utf8'), value: Buffer.from(JSON.stringify(entry), 'utf8') });
      return producer.send(intakeTopic.name, slot, records);
    },
  };
}

class SlotIndex {
  readonly entries = new Map<string, LedgerEntry>();
  readonly #slot: number;
  readonly #reader: TopicReader;

  constructor(slot: number, reader: TopicReader) {
    this.#slot = slot;
    this.#reader = reader;
  }

  async readTo(end: bigint): Promise<Result<void>> {
    const deadline = performance.now() + catchUpMs;
    while (this.#reader.position(this.#slot) < end) {
      if (performance.now() > deadline) return fail('transaction-failed', 'reading sluice.intake: a transaction stays open');
      const records = await this.#reader.poll(200);
      if (!records.ok) return records;
      for (const { key, value } of records.value) this.#take(key, value);
    }
    return ok(undefined);
  }

  /** Keys of requests that no longer count, oldest first. Files count for ever. */
  expired(most: number): string[] {
    const before = Date.now() - expiredAfterMs;
    const keys: string[] = [];
    for (const [key, entry] of this.entries) {
      if (entry.kind !== 'request') continue;
      if (keys.length >= most || entry.at >= before) break;
      keys.push(key);
    }
    return keys;
  }

  #take(key: Uint8Array | null, value: Uint8Array | null): void {
    if (key === null) return;
    const name = Buffer.from(key).toString('utf8');
    // Deleted first, so that the map stays in the order of writing.
    this.entries.delete(name);
    const entry = value === null ? null : parseEntry(value);
    if (entry !== null) this.entries.set(name, entry);
  }
}
