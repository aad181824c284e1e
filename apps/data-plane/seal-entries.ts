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
  const entries = [...draft.quarantine.values()];
  for (let from = 0; from < entries.length; from += atOnce) {
    const some = entries.slice(from, from + atOnce);
    const sealed = await Promise.all(
      some.map(async ({ original, partition, offsetFirst }) =>
        original.length > sealedBytesMax
          ? null
          : seal(board.sealTo, original, { dataset: draft.dataset, partition, offset: offsetFirst }),
      ),
    );
    for (const [place, entry] of some.entries()) {
      for (const [index, refusal] of entry.refusals.entries()) {
        const record = quarantineRecord(draft.dataset, topic, entry, refusal, index === 0 ? (sealed[place] ?? null) : null);
        records.push({ partition: entry.partition, record });
      }
    }
  }
  return records;
}

/** WebCrypto works on threads of its own and answers late: one at a time takes three times as long. */
const atOnce = 16;

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
