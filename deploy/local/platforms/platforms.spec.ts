import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, KafkaAdmin, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import { codecOf, frame, parseSchema } from '../../../libs/avro/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { testKafka, uniqueId } from '../../../libs/testkit/index.ts';
import { Recent } from './recent.ts';
import type { Platform } from './start-platform.ts';
import { startPlatform } from './start-platform.ts';

async function untilReport(
  platform: Platform,
  condition: (report: NonNullable<ReturnType<Platform['report']>>) => boolean,
): Promise<void> {
  for (let waits = 0; waits < 600; waits += 1) {
    const report = platform.report();
    if (report !== undefined && condition(report)) return;
    await sleep(50);
  }
  throw new Error(`waited for half a minute: ${JSON.stringify(platform.report())}`);
}

test('recent ones are remembered, with bounded memory', () => {
  const recent = new Recent(3);
  expect(['a', 'b', 'a', 'c', 'd', 'b'].map((text) => recent.add(text))).toEqual([false, false, true, false, false, true]);
  for (const text of ['e', 'f', 'g', 'h', 'i']) recent.add(text);
  expect(recent.add('a')).toBe(false);
});

describe('the national platform', () => {
  const secret = Buffer.from('the secret of the national test');
  let platform: Platform;

  beforeAll(async () => {
    platform = unwrap(await startPlatform('national', { secret: `whsec_${secret.toString('base64')}`, port: 0 }));
  }, 60_000);

  afterAll(() => platform.stop());

  const event = (id: string): Record<string, unknown> => ({
    specversion: '1.0',
    id,
    source: 'urn:sluice:agreement:a',
    type: 'sluice.governed-record.v1',
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:sluice:schema:1',
    data: { number: 1 },
  });

  async function post(
    id: string,
    events: unknown,
    changes: { key?: Buffer; timestamp?: number; type?: string } = {},
  ): Promise<number> {
    const body = JSON.stringify(events);
    const timestamp = String(changes.timestamp ?? Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', changes.key ?? secret)
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    const response = await fetch(String(platform.ready['url']), {
      method: 'POST',
      headers: {
        'content-type': changes.type ?? 'application/cloudevents-batch+json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      },
      body,
    });
    return response.status;
  }

  test('takes a signed batch once, finds events it has seen, and refuses what is not signed, stale or of another form', async () => {
    expect(await post('a/0/0-1', [event('a/0/0'), event('a/0/1')])).toBe(204);
    expect(await post('a/0/0-1', [event('a/0/0'), event('a/0/1')])).toBe(204);
    expect(await post('a/0/1-2', [event('a/0/1'), event('a/0/2')])).toBe(204);
    expect(await post('a/0/3-3', [event('a/0/3')], { key: Buffer.from('another') })).toBe(401);
    expect(await post('a/0/3-3', [event('a/0/3')], { timestamp: Math.floor(Date.now() / 1000) - 600 })).toBe(401);
    expect(await post('a/0/3-3', [event('a/0/3')], { type: 'application/json' })).toBe(415);
    expect(await post('a/0/4-4', [{ ...event('a/0/4'), specversion: '0.3' }])).toBe(204);
    await untilReport(platform, ({ received }) => received === 5);
    expect(platform.report()).toMatchObject({
      ok: 3,
      repeated: 3,
      problems: { signature: 2, 'content-type': 1, cloudevents: 1 },
    });
  }, 60_000);
});

describe('an enterprise', () => {
  const schemaText = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'number', type: 'int' }] });
  const names = { agreement: uniqueId('enterprise'), account: uniqueId('reader'), forbidden: uniqueId('forbidden') };
  const topic = `gov.platforms.${names.agreement}`;
  let registry: Server;
  let cluster: Cluster;
  let platform: Platform;

  beforeAll(async () => {
    registry = createServer((request, response) => {
      const isKnown = request.url === '/schemas/ids/7' && request.headers.authorization?.startsWith('Basic ') === true;
      response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isKnown ? { schema: schemaText } : { error_code: 40403 }));
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    const { brokers, username, password } = testKafka();
    cluster = unwrap(await Cluster.open({ brokers, clientId: 'platforms-test', sasl: { username, password } }));
    const admin = new KafkaAdmin(cluster);
    unwrap(await admin.createTopics([topic, names.forbidden].map((name) => ({ name, partitions: 1 }))));
    unwrap(await admin.setScramUser(names.account, 'reader-password'));
    const may = { principal: names.account, pattern: 'literal' } as const;
    const group = { principal: names.account, resource: 'group', name: `${names.agreement}.`, pattern: 'prefixed' } as const;
    unwrap(
      await admin.allow([
        { ...may, resource: 'topic', name: topic, operation: 'read' },
        { ...may, resource: 'topic', name: topic, operation: 'describe' },
        { ...group, operation: 'read' },
      ]),
    );
    platform = unwrap(
      await startPlatform('enterprise', {
        brokers,
        registry: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
        account: names.account,
        secret: 'reader-password',
        agreement: names.agreement,
        topic,
        forbidden: [names.forbidden],
      }),
    );
  }, 60_000);

  afterAll(async () => {
    await platform.stop();
    await cluster.close();
    registry.closeAllConnections();
    registry.close();
  });

  test('reads its stream, counts what does not decode, and is refused on a topic it has no agreement for', async () => {
    const codec = codecOf(unwrap(parseSchema(schemaText)));
    const good = [1, 2, 3].map((number) => ({ key: null, value: frame(7, unwrap(codec.encode({ number }))) }));
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('platforms') }));
    producer.begin();
    const bad = { key: null, value: frame(8, new Uint8Array([2])) };
    unwrap(await producer.send(topic, 0, [...good, bad, { key: null, value: Buffer.from('no frame') }]));
    unwrap(await producer.commit());
    await untilReport(platform, ({ received }) => received === 5);
    expect(platform.report()).toMatchObject({
      ok: 3,
      problems: { 'schema-unknown': 1, 'frame-invalid': 1 },
      refused: { [names.forbidden]: 'TOPIC_AUTHORIZATION_FAILED' },
      example: { number: 3 },
    });
  }, 60_000);
});

test('a platform that cannot start says why in one sentence', async () => {
  const started = await startPlatform('national', { port: 0 });
  expect(started).toMatchObject({ ok: false, failure: { code: 'service-failed' } });
}, 60_000);
