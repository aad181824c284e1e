/** Three brokers as one cluster: what two of them have outlives the hard kill of any one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';
import { startTestBrokers } from './index.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sluice-brokers-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('three brokers keep a record through the hard kill of one, and go on without it', async () => {
  const brokers = await startTestBrokers({ directory, count: 3, proxyPorts: [1, 2, 3] });
  const { username, password } = brokers;
  const kafka = new kafkajs.Kafka({
    clientId: 'test',
    brokers: [...brokers.addresses],
    sasl: { mechanism: 'scram-sha-512', username, password },
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 60, maxRetryTime: 1_000 },
  });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  try {
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }], waitForLeaders: true });
    await producer.connect();
    const send = (value: string) => producer.send({ topic: 'kept', acks: -1, messages: [{ partition: 0, value }] });
    await send('one');
    const partition = async () => (await admin.fetchTopicMetadata({ topics: ['kept'] })).topics[0]?.partitions[0];
    const before = await partition();
    expect((before?.replicas ?? []).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    const leader = brokers.nodes.find(({ id }) => id === before?.leader);
    await leader?.kill();
    await send('two');
    await leader?.start();
    while ((await partition())?.isr.length !== 3) await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await admin.fetchTopicOffsets('kept')).toMatchObject([{ high: '2' }]);
  } finally {
    await producer.disconnect();
    await admin.disconnect();
    await brokers.stop();
  }
}, 180_000);
