import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Delivery } from '../../libs/catalog/index.ts';
import { parseTraceparent, startTelemetry } from '../../libs/telemetry/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import { GovernedFixture, partitions, traceparent, until, wrapPlain } from './link-fixture.ts';

interface Received {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface GovernedEvent {
  readonly id: string;
  readonly data?: { readonly number: number; readonly text: string | null };
}

const secret = 'a secret of twenty-four b';
let server: Server;
let received: Received[] = [];
/** What the receiver does with a request; answers 204 by default. */
let answer: (request: Received, response: ServerResponse) => void;
let fixture: GovernedFixture;

const taken = (_: Received, response: ServerResponse): void => void response.writeHead(204).end();

beforeAll(async () => {
  fixture = await GovernedFixture.open(testKafka(), uniqueId('link'));
  server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}, 60_000);

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await fixture.close();
});

beforeEach(() => {
  received = [];
  answer = taken;
});

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const got = { id: headers['webhook-id'] ?? '', headers, body: Buffer.concat(parts).toString('utf8') };
  received.push(got);
  answer(got, response);
}

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
const webhook = (batchRecordsMax = 100): Delivery => ({
  kind: 'webhook',
  url: url(),
  secret: wrapPlain(secret),
  batchRecordsMax,
});
const eventsOf = (request: Received): GovernedEvent[] => JSON.parse(request.body) as GovernedEvent[];

/** Numbers by partition, first arrival of each event only. */
function firstArrivals(requests: readonly Received[]): number[][] {
  const seen = new Set<string>();
  const numbers: number[][] = Array.from({ length: partitions }, () => []);
  for (const event of requests.flatMap(eventsOf)) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    numbers[Number(event.id.split('/')[1])]?.push(event.data?.number ?? -1);
  }
  return numbers;
}

const expected = (from: number, to: number): number[][] =>
  Array.from({ length: partitions }, (_, partition) =>
    Array.from({ length: to - from }, (__, index) => from + index).filter((number) => number % partitions === partition),
  );

describe('a webhook', () => {
  test('sends signed batches of CloudEvents that an independent library verifies, in order within a partition', async () => {
    await fixture.write(330);
    const link = fixture.start(webhook());
    await until(() => link.status().delivered === 330 && link.status().lagRecords === 0, link.status);
    await link.stop();
    expect(firstArrivals(received)).toEqual(expected(0, 330));
    const verifier = new Webhook(secret, { format: 'raw' });
    for (const { headers, body } of received) {
      expect(headers['content-type']).toBe('application/cloudevents-batch+json');
      const events = verifier.verify(body, headers) as GovernedEvent[];
      expect(events.length).toBeLessThanOrEqual(100);
      const offsets = events.map((event) => event.id.split('/').at(-1));
      expect(headers['webhook-id']).toBe(`${events[0]?.id ?? ''}-${offsets.at(-1) ?? ''}`);
    }
    const tampered = received[0] as Received;
    expect(() => verifier.verify(tampered.body.replace('第', '地'), tampered.headers)).toThrow();
    const number = eventsOf(tampered)[1]?.data?.number ?? -1;
    expect(eventsOf(tampered)[1]).toEqual({
      specversion: '1.0',
      id: `${fixture.agreement}/${tampered.id.split('/')[1] ?? ''}/1`,
      source: `urn:sluice:agreement:${fixture.agreement}`,
      type: 'sluice.governed-record.v1',
      time: expect.stringMatching(/^2026-01-05T00:00:00\.\d{3}Z$/),
      partitionkey: expect.stringMatching(/^key-\d$/),
      traceparent,
      datacontenttype: 'application/json',
      dataschema: 'urn:sluice:schema:77',
      data: { number, text: number % 2 === 0 ? null : `第${number}条` },
    });
  }, 60_000);

  test('sends a batch again with the same id and body until it is taken, whatever else the receiver answers', async () => {
    const answers = [500, 302, 404, 429, 503];
    answer = (_, response) => {
      const status = answers.shift();
      if (status === undefined) taken(_, response);
      else response.writeHead(status, { location: `${url()}/elsewhere`, 'retry-after': '0' }).end('x'.repeat(200_000));
    };
    await fixture.write(3);
    const link = fixture.start(webhook());
    await until(() => link.status().delivered === 3, link.status);
    await link.stop();
    expect(received).toHaveLength(8);
    expect(new Set(received.slice(0, 5).map(({ id, body }) => id + body)).size).toBe(1);
    expect(firstArrivals(received)).toEqual(expected(330, 333));
  }, 60_000);

  test('loses nothing when it is stopped and started at random, and moves its position only after the receiver has the batch', async () => {
    answer = (request, response) => {
      if (Math.random() < 0.2) response.destroy();
      else setTimeout(() => taken(request, response), Math.random() * 30);
    };
    await fixture.write(900);
    for (let round = 0; round < 12; round += 1) {
      const link = fixture.start(webhook(20));
      await sleep(Math.random() * 300);
      await link.stop();
    }
    answer = taken;
    const link = fixture.start(webhook(20));
    await until(() => firstArrivals(received).flat().length === 900, link.status);
    await until(() => link.status().lagRecords === 0, link.status);
    // The receiver has the last batch before its answer is read: time for the answer and the commit behind it.
    await sleep(1_000);
    await link.stop();
    expect(firstArrivals(received)).toEqual(expected(333, 1233));
    const sent = received.length;
    const again = fixture.start(webhook(20));
    await until(() => again.status().state === 'running', again.status);
    await sleep(300);
    await again.stop();
    expect(received).toHaveLength(sent);
  }, 90_000);

  test('cuts smaller batches when the receiver finds one too large', async () => {
    answer = (request, response) => {
      if (eventsOf(request).length > 4) response.writeHead(413).end();
      else taken(request, response);
    };
    await fixture.write(60);
    const link = fixture.start(webhook());
    await until(() => link.status().delivered === 60, link.status);
    await link.stop();
    const small = received.filter((request) => eventsOf(request).length <= 4);
    expect(firstArrivals(small)).toEqual(expected(1233, 1293));
  }, 60_000);

  test('sends nothing under directives that were asked for too long ago: one that was given since may say stop', async () => {
    const link = fixture.start(webhook(), { directiveAgeMsMax: 300 });
    const arrived = (): number => firstArrivals(received).flat().length;
    await fixture.write(3);
    await until(() => arrived() >= 3, link.status);
    await sleep(200);
    const before = arrived();
    const release = link.hold();
    await sleep(400);
    await fixture.write(3);
    await sleep(500);
    expect(arrived()).toBe(before);
    link.put({ state: 'suspended' });
    // The answer that is read now was given before.
    release();
    await until(() => link.status().state === 'stopped', link.status);
    await sleep(100);
    expect(arrived()).toBe(before);
    link.put({ state: 'started' });
    await until(() => arrived() === before + 3, link.status);
    await link.stop();
  }, 60_000);

  test('ends at once when the agreement is suspended, a request under way included', async () => {
    answer = () => undefined;
    await fixture.write(3);
    const link = fixture.start(webhook(), { requestTimeoutMs: 600_000 });
    await until(() => received.length === 1, link.status);
    link.put({ state: 'terminated' });
    await until(() => link.status().state === 'stopped', link.status);
    answer = taken;
    await sleep(300);
    expect(received).toHaveLength(1);
    await link.stop();
  }, 60_000);

  test('ends with 410 until the agreement changes', async () => {
    answer = (_, response) => void response.writeHead(410).end();
    const link = fixture.start(webhook());
    await until(() => link.status().state === 'stopped', link.status);
    expect(link.status().lastError).toContain('410');
    await sleep(300);
    expect(received).toHaveLength(1);
    answer = taken;
    link.put({});
    await until(() => link.status().delivered === 3, link.status);
    await link.stop();
  }, 60_000);

  test('waits at a record whose schema is of no Program, and sends nothing after it', async () => {
    await fixture.write(3);
    const link = fixture.start(webhook());
    link.put({ programs: [] });
    await until(() => link.status().lastError !== undefined, link.status);
    expect(link.status().lastError).toContain('no Program of the agreement writes schema 77');
    await link.stop();
  }, 60_000);

  test('reports a receiver that is down, without its address', async () => {
    const link = fixture.start({ ...webhook(), url: 'http://127.0.0.1:1/token-in-path' } as Delivery);
    await until(() => link.status().lastError !== undefined, link.status);
    expect(link.status().lastError).toContain('could not be reached');
    expect(link.status().lastError).not.toContain('token-in-path');
    await link.stop();
  }, 60_000);

  test('is traced: a span of each batch, linked to what the records carry, goes along and says nothing of their values', async () => {
    const exported: Buffer[] = [];
    const collector = createServer((request, response) => {
      request.on('data', (part: Buffer) => exported.push(part));
      request.on('end', () => response.end());
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const telemetry = unwrap(await startTelemetry({ serviceName: 'link-test', endpoint }));
    await fixture.write(30);
    const link = fixture.start(webhook());
    await until(() => link.status().delivered >= 30 && link.status().lagRecords === 0, link.status);
    await link.stop();
    await telemetry.shutdown();
    collector.close();
    collector.closeAllConnections();
    const sent = parseTraceparent(received.at(-1)?.headers['traceparent'] ?? '');
    const spans = Buffer.concat(exported);
    for (const id of [sent?.traceId ?? 'none', traceparent.split('-')[1] ?? '']) {
      expect([id, spans.includes(Buffer.from(id, 'hex'))]).toEqual([id, true]);
    }
    expect(spans.includes(`deliver ${fixture.agreement}`)).toBe(true);
    expect(sent?.traceId).not.toBe(traceparent.split('-')[1]);
    expect(spans.includes('第')).toBe(false);
    expect(spans.includes('key-')).toBe(false);
  }, 60_000);
});

describe('a record that the receiver refuses for good', () => {
  const letters = async (): Promise<{ agreement: string; partition: number; offset: string; status: number; event: string }[]> =>
    (await other.readAll(topicNames.deadLetters))
      .filter(({ key }) => key !== null && Buffer.from(key).toString('utf8') === other.agreement)
      .map(({ value }) => JSON.parse(Buffer.from(value ?? new Uint8Array()).toString('utf8')));
  let other: GovernedFixture;

  beforeAll(async () => {
    other = await GovernedFixture.open(testKafka(), uniqueId('letters'));
  });
  afterAll(() => other.close());

  test('is put away once, with its event, and all others are delivered', async () => {
    const poison = new Set([7, 8, 22]);
    answer = (request, response) => {
      const isPoison = eventsOf(request).some(({ data }) => poison.has(data?.number ?? -1));
      response.writeHead(isPoison ? 422 : 204).end();
    };
    await other.write(60);
    const link = other.start(webhook(20));
    const numbers = (): number[] =>
      [
        ...new Set(
          taking()
            .flatMap(eventsOf)
            .map(({ data }) => data?.number ?? -1),
        ),
      ].toSorted((a, b) => a - b);
    const taking = (): Received[] =>
      received.filter((request) => !eventsOf(request).some(({ data }) => poison.has(data?.number ?? -1)));
    await until(() => link.status().delivered === 57, link.status);
    await link.stop();
    expect(numbers()).toEqual(Array.from({ length: 60 }, (_, index) => index).filter((number) => !poison.has(number)));
    const put = await letters();
    expect(put.map(({ event }) => (JSON.parse(event) as GovernedEvent).data?.number ?? -1).toSorted((a, b) => a - b)).toEqual([
      7, 8, 22,
    ]);
    expect(put[0]).toMatchObject({ status: 422, agreement: other.agreement });
  });

  test('is no reason to put away everything: a receiver that refuses one record after another is waited for', async () => {
    const before = (await letters()).length;
    answer = (_, response) => void response.writeHead(400).end();
    await other.write(90);
    const link = other.start(webhook(10));
    await until(() => link.status().lastError?.includes('one after another') === true, link.status);
    answer = taken;
    await until(() => link.status().lagRecords === 0 && link.status().state === 'running', link.status);
    await link.stop();
    const put = (await letters()).length - before;
    expect(put).toBeGreaterThan(0);
    expect(put).toBeLessThanOrEqual(20);
  });
});

test('a receiver that may not be connected to gets nothing, and the status says why', async () => {
  const link = fixture.start(webhook(), {}, new Set());
  await until(() => link.status().lastError !== undefined, link.status);
  expect(link.status().lastError).toContain('the URL must be https');
  await link.stop();
  expect(received).toEqual([]);
});
