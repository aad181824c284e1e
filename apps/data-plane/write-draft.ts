/** Writes a draft in one Kafka transaction: governed batches, quarantine, Receipts, input positions, commit. */
import type { GroupPlace, OutRecord, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames } from '../../libs/base/index.ts';
import { encodeQuarantined, seal, sealedBytesMax } from '../../libs/ledger/index.ts';
import type { DatasetBoard } from './directive-board.ts';
import type { QuarantineEntry, TransactionDraft } from './transaction-draft.ts';

export interface WriteDraft {
  readonly draft: TransactionDraft;
  readonly board: DatasetBoard;
  readonly producer: TransactionalProducer;
  readonly group: string;
  readonly topic: string;
  readonly place: GroupPlace;
  /** False when the directives changed or may be stale: then nothing more is produced and all of it is taken back. */
  readonly mayProduce: () => boolean;
}

/** `stale` means aborted because of the directives; a failure means that the producer is used up. */
export async function writeDraft(write: WriteDraft): Promise<Result<'written' | 'stale'>> {
  const { draft, producer, mayProduce } = write;
  const quarantined = await sealEntries(write);
  producer.begin();
  for (const wave of draft.waves()) {
    if (!mayProduce()) return takeBack(producer);
    const sent = await producer.sendBatches(wave);
    if (!sent.ok) return sent;
  }
  if (!mayProduce()) return takeBack(producer);
  const byPartition = new Map<number, OutRecord[]>();
  for (const { partition, record } of quarantined) byPartition.set(partition, [...(byPartition.get(partition) ?? []), record]);
  for (const [partition, records] of byPartition) {
    const sent = await producer.send(topicNames.quarantine(draft.dataset), partition, records);
    if (!sent.ok) return sent;
  }
  const receipts = await producer.send(topicNames.receipts, 0, draft.receipts());
  if (!receipts.ok) return receipts;
  const offsets = [...draft.positions].map(([partition, offset]) => ({ topic: write.topic, partition, offset }));
  const committed = await producer.commitOffsets(write.group, offsets, write.place);
  if (!committed.ok) return committed;
  if (!mayProduce()) return takeBack(producer);
  const done = await producer.commit();
  return done.ok ? ok('written') : done;
}

async function takeBack(producer: TransactionalProducer): Promise<Result<'stale'>> {
  const aborted = await producer.abort();
  return aborted.ok ? ok('stale') : aborted;
}

/** The quarantine records: the original is sealed once, with the first refusal of its coordinates. */
async function sealEntries({ draft, board, topic }: WriteDraft): Promise<{ partition: number; record: OutRecord }[]> {
  const records: { partition: number; record: OutRecord }[] = [];
  for (const entry of draft.quarantine.values()) {
    const context = { dataset: draft.dataset, partition: entry.partition, offset: entry.offsetFirst };
    const sealed = entry.original.length > sealedBytesMax ? null : await seal(board.sealTo, entry.original, context);
    entry.refusals.forEach((refusal, index) => {
      records.push({
        partition: entry.partition,
        record: quarantineRecord(draft.dataset, topic, entry, refusal, index === 0 ? sealed : null),
      });
    });
  }
  return records;
}

function quarantineRecord(
  dataset: string,
  topic: string,
  entry: QuarantineEntry,
  refusal: QuarantineEntry['refusals'][number],
  sealed: Awaited<ReturnType<typeof seal>> | null,
): OutRecord {
  const { partition, offsetFirst, offsetLast, timestampMs } = entry;
  return {
    key: Buffer.from(`${partition}/${offsetFirst}`),
    value: encodeQuarantined({ dataset, topic, partition, offsetFirst, offsetLast, timestampMs, attempt: 1, sealed, ...refusal }),
  };
}
