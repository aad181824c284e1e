import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Cluster, KafkaAdmin, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import { read } from './commands/read.ts';

const schemaText = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [{ name: 'when', type: { type: 'int', logicalType: 'date' } }],
});
const [mine, other, account] = [uniqueId('mine'), uniqueId('other'), uniqueId('account')];
let cluster: Cluster;
let registry: Server;

beforeAll(async () => {
  registry = createServer((_, response) => void response.writeHead(200).end(JSON.stringify({ schema: schemaText })));
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const { brokers, username, password } = testKafka();
  cluster = unwrap(await Cluster.open({ brokers, clientId: 'cli-test', sasl: { username, password } }));
  const admin = new KafkaAdmin(cluster);
  const topics = [mine, other].map((agreement) => topicNames.governed('people', agreement));
  unwrap(await admin.createTopics(topics.map((name) => ({ name, partitions: 1 }))));
  unwrap(await admin.setScramUser(account, 'account-secret'));
  for (const operation of ['read', 'describe'] as const) {
    unwrap(await admin.allow([{ principal: account, resource: 'topic', name: topics[0] ?? '', pattern: 'literal', operation }]));
  }
  const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('cli') }));
  const codec = codecOf(unwrap(parseSchema(schemaText)));
  producer.begin();
  const records = [0, 1, 2].map((when) => ({ key: null, value: frame(5, unwrap(codec.encode({ when }))) }));
  unwrap(await producer.send(topics[0] ?? '', 0, records));
  unwrap(await producer.commit());
}, 60_000);

afterAll(async () => {
  await cluster.close();
  registry.closeAllConnections();
  registry.close();
});

async function run(agreement: string, ...more: string[]): Promise<{ lines: string[]; ended: Result<void> }> {
  const lines: string[] = [];
  const { brokers } = testKafka();
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const args = ['--agreement', agreement, '--account', account, '--brokers', brokers.join(','), '--registry', url, ...more];
  const terminal = { write: (line: string) => void lines.push(line), stopped: new AbortController().signal };
  return { lines, ended: await read.run(args, terminal) };
}

test('a subscriber reads its own stream as JSON lines, without naming the dataset', async () => {
  const { lines, ended } = await run(mine, '--secret', 'account-secret', '--max', '3');
  expect(ended.ok).toBe(true);
  expect(lines).toEqual(['{"when":"1970-01-01"}', '{"when":"1970-01-02"}', '{"when":"1970-01-03"}']);
}, 60_000);

test("another's stream is not to be found, and a wrong secret is refused", async () => {
  expect((await run(other, '--secret', 'account-secret', '--max', '1')).ended).toMatchObject({
    ok: false,
    failure: { code: 'not-found' },
  });
  const wrong = await run(mine, '--secret', 'not-the-secret', '--max', '1');
  expect(wrong.ended).toMatchObject({ ok: false, failure: { message: expect.stringContaining('credentials were refused') } });
}, 60_000);
