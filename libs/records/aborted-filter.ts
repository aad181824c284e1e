/** Decides which batches of a read_committed fetch belong to aborted transactions: the broker sends them, the reader drops them. */
import type { RecordBatch } from './read-batches.ts';

/** A range from the fetch response: from `firstOffset` on, until its abort marker, the batches of `producerId` are aborted. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/**
 * Returns a predicate to be asked once for each batch in offset order: true means drop it.
 * A range opens when the walk reaches its first offset and closes at the producer's next control batch, so several ranges of one
 * producer and a marker outside the fetched bytes both come out right. The decision looks at the control bit, never at record keys,
 * and drops only what is intact: a damaged header must not make records disappear, whoever reads the batch finds it corrupt.
 */
export function abortedFilter(aborted: readonly AbortedTransaction[]): (batch: RecordBatch) => boolean {
  const pending = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0));
  const open = new Set<bigint>();
  let next = 0;
  return (batch) => {
    for (let range = pending[next]; range !== undefined && range.firstOffset <= batch.lastOffset; range = pending[next]) {
      open.add(range.producerId);
      next += 1;
    }
    if (batch.control) {
      open.delete(batch.producerId);
      return batch.intact;
    }
    return batch.transactional && open.has(batch.producerId) && batch.intact;
  };
}
