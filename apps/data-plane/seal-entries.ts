/** Makes the quarantine's records: the original is sealed once, with the first refusal of its coordinates. */
import type { OutRecord } from '../../libs/adapters/kafka/index.ts';
import { encodeQuarantined, seal, sealedBytesMax } from '../../libs/ledger/index.ts';
import type { DatasetBoard } from './directive-board.ts';
import type { QuarantineEntry, TransactionDraft } from './transaction-draft.ts';

export async function sealEntries(
  draft: TransactionDraft,
  board: DatasetBoard,
  topic: string,
): Promise<{ readonly partition: number; readonly record: OutRecord }[]> {
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
