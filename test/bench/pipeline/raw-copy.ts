/** The path `raw-copy`: RecordBatches from one topic to another, unparsed. It shows what the clients and the broker cost when nothing is done. */
import { AtLeastOnceProducer, PartitionFetcher } from '../../../libs/adapters/kafka/index.ts';
import type { Fetched } from '../../../libs/adapters/kafka/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { openCluster, partitions } from './bench-kafka.ts';
import type { NodePathSettings } from './node-path.ts';

/** Bytes before a batch's length is counted: its base offset and the length itself. */
const batchPrefixBytes = 12;
const at = { baseOffset: 0, batchLength: 8, lastOffsetDelta: 23, recordCount: 57 } as const;
const limits = { maxWaitMs: 500, maxBytes: 8 * 1024 * 1024, partitionMaxBytes: 2 * 1024 * 1024 };

/** Runs until the process is ended. Starts at the first record, and commits nothing. */
export async function runRawCopy({ access, inputTopic, outputTopic }: NodePathSettings): Promise<never> {
  const cluster = await openCluster(access, 'raw-copy');
  const fetcher = new PartitionFetcher(cluster, inputTopic);
  // The batches keep the header they came with, without a producer's id: the broker takes them as it took them from their producer.
  const producer = unwrap(await AtLeastOnceProducer.open(cluster));
  const positions = new Map(Array.from({ length: partitions }, (_, partition) => [partition, 0n]));
  producer.begin();
  let fetched = unwrap(await fetcher.fetch(positions, limits));
  for (;;) {
    enqueueAll(fetched);
    // The next are fetched while these are written. Their bytes belong to the producer until it is done.
    const next = fetcher.fetch(positions, limits);
    unwrap(await producer.flush());
    fetched.release();
    fetched = unwrap(await next);
  }

  function enqueueAll({ partitions: answers }: Fetched): void {
    for (const { partition, errorCode, records } of answers) {
      if (errorCode !== 0) throw new Error(`fetching failed with Kafka's error code ${errorCode}`);
      let start = 0;
      while (start + batchPrefixBytes <= records.length) {
        const end = start + batchPrefixBytes + records.readInt32BE(start + at.batchLength);
        if (end > records.length) break;
        const batch = records.subarray(start, end);
        positions.set(partition, batch.readBigInt64BE(at.baseOffset) + BigInt(batch.readInt32BE(at.lastOffsetDelta)) + 1n);
        // The base offset is outside of the checksum.
        batch.writeBigInt64BE(0n, at.baseOffset);
        producer.enqueue(outputTopic, partition, batch, batch.readInt32BE(at.recordCount));
        start = end;
      }
    }
  }
}
