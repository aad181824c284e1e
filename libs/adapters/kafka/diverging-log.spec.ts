/**
 * A partition whose log was cut off and written anew: the only replica in sync dies, and one that had not followed leads. What was read is not what the log has
 * now, although every offset is there. Source: Apache Kafka, KIP-101 and KIP-320.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { unwrap } from '../../base/index.ts';
import { startTestBrokers } from '../../testkit/index.ts';
import { Cluster } from './cluster.ts';
import { EpochHistory } from './epoch-history.ts';
import { kafkaCodes } from './kafka-codes.ts';
import { PartitionFetcher } from './partition-fetcher.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sluice-diverging-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const limits = { maxWaitMs: 200, maxBytes: 1024 * 1024, partitionMaxBytes: 1024 * 1024 };

test('is out of range for whoever read it before, also after a restart, and is read by whoever begins anew', async () => {
  const brokers = await startTestBrokers({ directory, count: 3, proxyPorts: [1, 2, 3] });
  const { username, password, addresses } = brokers;
  const sasl = { mechanism: 'scram-sha-512', username, password } as const;
  const kafka = new kafkajs.Kafka({
    clientId: 'test',
    brokers: [...addresses],
    sasl,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 100, maxRetryTime: 500 },
  });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  const cluster = unwrap(await Cluster.open({ brokers: [...addresses], clientId: 'test', sasl: { username, password } }));
  const fetcher = new PartitionFetcher(cluster, 'cut');
  /** What one fetch from here brings of the partition; fetches again while there is nothing. */
  const read = async (reader: PartitionFetcher, offset: bigint) => {
    for (;;) {
      const fetched = await reader.fetch(new Map([[0, offset]]), limits);
      if (!fetched.ok) {
        await sleep(100);
        continue;
      }
      const [partition] = fetched.value.partitions;
      const found = partition && {
        errorCode: partition.errorCode,
        diverges: partition.diverges,
        bytes: partition.records.length,
      };
      fetched.value.release();
      if (found !== undefined && (found.errorCode !== kafkaCodes.none || found.bytes > 0)) return found;
    }
  };
  try {
    await admin.connect();
    const configEntries = [
      { name: 'min.insync.replicas', value: '1' },
      { name: 'unclean.leader.election.enable', value: 'true' },
    ];
    const replicaAssignment = [{ partition: 0, replicas: [2, 3] }];
    await admin.createTopics({ topics: [{ topic: 'cut', replicaAssignment, configEntries }], waitForLeaders: true });
    await producer.connect();
    const send = (count: number) =>
      producer.send({
        topic: 'cut',
        acks: -1,
        messages: Array.from({ length: count }, (_, index) => ({ partition: 0, value: `${index}` })),
      });
    const partition = async () => (await admin.fetchTopicMetadata({ topics: ['cut'] })).topics[0]?.partitions[0];
    await send(10);
    await read(fetcher, 0n);
    const [, two, three] = brokers.nodes;
    // Broker 3 has not what comes now.
    await three?.kill();
    await send(10);
    await read(fetcher, 10n);
    const epoch = fetcher.epochBefore(0, 20n);
    expect(epoch).toBeGreaterThanOrEqual(0);
    await two?.kill();
    await three?.start();
    while ((await partition())?.leader !== 3) await sleep(200);
    await send(15);
    expect(await read(fetcher, 20n)).toEqual({ errorCode: kafkaCodes.offsetOutOfRange, diverges: true, bytes: 0 });
    // It stays so until somebody says otherwise, and before the place where they part all is as it was.
    expect(await read(fetcher, 20n)).toMatchObject({ errorCode: kafkaCodes.offsetOutOfRange });
    expect(await read(fetcher, 10n)).toMatchObject({ errorCode: kafkaCodes.none });
    const restarted = new PartitionFetcher(cluster, 'cut');
    restarted.seen(0, 20n, epoch);
    expect(await read(restarted, 20n)).toMatchObject({ diverges: true });
    restarted.seen(0, 20n, -1);
    expect(await read(restarted, 20n)).toMatchObject({ errorCode: kafkaCodes.none });
    restarted.close();
  } finally {
    fetcher.close();
    await cluster.close();
    await producer.disconnect();
    await admin.disconnect();
    await brokers.stop();
  }
}, 180_000);

test('what is known of who wrote what goes as far as it was read without a gap, and no further', () => {
  const history = new EpochHistory();
  expect(history.before(5n)).toBe(-1);
  history.note(3, 10n, 19n);
  history.note(3, 20n, 29n);
  history.note(5, 30n, 34n);
  expect([10n, 11n, 20n, 30n, 31n, 35n, 36n].map((offset) => history.before(offset))).toEqual([-1, 3, 3, 3, 5, 5, -1]);
  // The same again changes nothing.
  history.note(3, 15n, 29n);
  expect([30n, 35n].map((offset) => history.before(offset))).toEqual([3, 5]);
  // Another log, and a gap: what was known before says nothing of it.
  history.note(6, 20n, 24n);
  expect([20n, 21n, 25n, 30n].map((offset) => history.before(offset))).toEqual([-1, 6, 6, -1]);
  history.note(6, 40n, 44n);
  expect([25n, 40n, 45n].map((offset) => history.before(offset))).toEqual([-1, -1, 6]);
  history.note(-1, 45n, 45n);
  expect(history.before(45n)).toBe(-1);
});
