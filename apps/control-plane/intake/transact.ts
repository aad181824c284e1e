/** One Kafka transaction around some work: committed when the work succeeds, aborted when it does not. */
import type { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail } from '../../../libs/base/index.ts';

/**
 * Nothing of the work is readable unless this succeeds, or the failure came from the commit itself: then the outcome may be either.
 * A failure that passes by itself is `transaction-failed`. A producer that is broken afterwards aborts when its id is opened again.
 */
export async function transact<T>(producer: TransactionalProducer, work: () => Promise<Result<T>>): Promise<Result<T>> {
  producer.begin();
  let done: Result<T>;
  try {
    done = await work();
  } catch (error) {
    await producer.abort();
    throw error;
  }
  if (!done.ok) {
    await producer.abort();
    return done.failure.code === 'producer-fenced'
      ? fail('transaction-failed', `taking records in: ${done.failure.message}`)
      : done;
  }
  const committed = await producer.commit();
  if (committed.ok) return done;
  return committed.failure.retriable
    ? during('taking records in', committed.failure)
    : fail('transaction-failed', `taking records in: ${committed.failure.message}`);
}
