/** Governed streams over HTTP on real Kafka, with accounts that have a subscriber's permissions and no others. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { groupPrefix, unwrap } from '../../../libs/base/index.ts';
import type { AclGrant } from '../../../libs/adapters/kafka/index.ts';
import { DirectiveFeed, DirectiveLog } from '../../../libs/adapters/kafka/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import { approvingLog, testKafka, testSigner, uniqueId } from '../../../libs/testkit/index.ts';
import { GovernedFixture, until } from '../link-fixture.ts';
import type { Link } from '../start.ts';
import { startLink } from '../start.ts';
import { readCursor, writeCursor } from './stream-cursor.ts';

const secret = 'subscriber-secret-1';
const ageMsMax = 1_000;
const agreement = uniqueId('stream');
const reader = uniqueId('reader');
const stranger = uniqueId('stranger');
let fixture: GovernedFixture;
let log: ReturnType<typeof approvingLog>;
let link: Link;
let directive: Directive;

const grants = (): Omit<AclGrant, 'principal'>[] => [
  { resource: 'topic', name: fixture.topic, pattern: 'literal', operation: 'read' },
  { resource: 'topic', name: fixture.topic, pattern: 'literal', operation: 'describe' },
  { resource: 'group', name: groupPrefix(agreement), pattern: 'prefixed', operation: 'read' },
];

const put = async (change: Partial<Directive>): Promise<void> => {
  directive = { ...directive, ...change, revision: directive.revision + 1 };
  unwrap(await log.publish(directive));
};

const get = (
  query = '',
  options: { as?: string; password?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
) =>
  fetch(`${link.address}/v1/streams/${agreement}${query}`, {
    headers: {
      authorization: `Basic ${Buffer.from(`${options.as ?? reader}:${options.password ?? secret}`).toString('base64')}`,
      accept: 'application/x-ndjson',
      ...options.headers,
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });

interface Line {
  readonly id: string;
  readonly data: { readonly number: number };
  readonly cursor: string;
  readonly code?: string;
}
const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const numbersOf = (lines: readonly Line[]): number[] => lines.map(({ data }) => data.number).toSorted((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Asks again until the answer has this status; what was answered before is read to its end. */
async function answered(ask: () => Promise<Response>, status: number): Promise<Response> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await ask();
    if (answer.status === status) return answer;
    await answer.text();
    await sleep(50);
  }
  throw new Error(`no answer ${status}`);
}

const live = (options: { signal?: AbortSignal } = {}) =>
  get('?from=latest', { headers: { accept: 'text/event-stream' }, ...options });

/** What an open answer has brought so far. */
function following(response: Response): { text: () => string; done: Promise<void> } {
  let text = '';
  const body = response.body as ReadableStream<Uint8Array>;
  const done = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const part of body) text += decoder.decode(part, { stream: true });
    } catch {
      // Cut off from here.
    }
  })();
  return { text: () => text, done };
}

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  fixture = await GovernedFixture.open({ brokers, username, password }, agreement);
  await fixture.account(reader, secret, grants());
  await fixture.account(stranger, secret, []);
  log = approvingLog(unwrap(await DirectiveLog.open(fixture.cluster, testSigner(), uniqueId('control'))), testSigner());
  directive = fixture.directiveOf({ kind: 'kafka' });
  unwrap(await log.publish(directive));
  link = unwrap(
    await startLink({
      kafka: { brokers, clientId: 'link', sasl: { username, password } },
      vault: fixture.vault,
      checker: testSigner(),
      listen: { host: '127.0.0.1', port: 0 },
      streamsPerAccountMax: 3,
      pace: { directiveAgeMsMax: ageMsMax },
    }),
  );
  await fixture.write(30);
  await fixture.write(9, 'abort');
  // New accounts take a moment to reach the broker's listeners.
  await (await answered(() => get('?limit=1'), 200)).text();
  await (await answered(() => get('', { as: stranger }), 404)).text();
  // A transaction that was answered is visible a moment later.
  while (linesOf(await (await get()).text()).length < 30) await sleep(50);
});

afterAll(async () => {
  await link.stop();
  await log.close();
  await fixture.close();
});

describe('a governed stream as NDJSON', () => {
  test('brings what is there and ends, each record once, without what was aborted', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    const lines = linesOf(await answer.text());
    expect(numbersOf(lines)).toEqual(upTo(30));
    expect(lines[0]).toMatchObject({ specversion: '1.0', source: `urn:sluice:agreement:${agreement}` });
  });

  test('goes on at any cursor, without a gap and without a repeat', async () => {
    const all = linesOf(await (await get()).text());
    for (const cut of [1, 11, 29]) {
      const first = linesOf(await (await get(`?limit=${cut}`)).text());
      expect(first).toHaveLength(cut);
      const rest = linesOf(await (await get(`?cursor=${first.at(-1)?.cursor}`)).text());
      expect(numbersOf([...first, ...rest])).toEqual(upTo(30));
    }
    const none = await get(`?cursor=${all.at(-1)?.cursor}`);
    expect(await none.text()).toBe('');
    const latest = await get('?from=latest');
    expect(latest.headers.get('sluice-cursor')).toMatch(/^[\w-]+$/);
    expect(await latest.text()).toBe('');
  });

  test('begins at a time when it is told to', async () => {
    const lines = linesOf(await (await get(`?from=${new Date(1_767_571_200_020).toISOString()}`)).text());
    expect(numbersOf(lines)).toEqual(upTo(30).slice(20));
  });

  test('refuses a cursor of another stream, of no stream, and one that is past the end', async () => {
    const foreign = writeCursor('another', new Map([[0, 1n]]));
    for (const cursor of [foreign, 'abc', Buffer.from(`${agreement}:1,2,3,4`).toString('base64url')]) {
      const answer = await get(`?cursor=${cursor}`);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'request-invalid']);
    }
    const past = await get(`?cursor=${writeCursor(agreement, new Map([[0, 10_000n]]))}`);
    expect(((await past.json()) as { code: string }).code).toBe('offset-out-of-range');
    expect((await get('?colour=red')).status).toBe(400);
  });
});

describe('who may read a stream', () => {
  test('is whoever Kafka lets read the topic: a wrong secret is 401, another account 404, as for a stream that is not there', async () => {
    expect((await get('', { password: 'wrong' })).status).toBe(401);
    expect((await get('', { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    const foreign = await get('', { as: stranger });
    expect(foreign.status).toBe(404);
    const absent = await fetch(`${link.address}/v1/streams/no-such-agreement`, {
      headers: { authorization: `Basic ${Buffer.from(`${stranger}:${secret}`).toString('base64')}` },
    });
    expect(absent.status).toBe(404);
    expect((await foreign.text()).replaceAll(agreement, '')).toBe((await absent.text()).replaceAll('no-such-agreement', ''));
  });

  test('may have so many open at once, and no more', async () => {
    const cut = new AbortController();
    for (let count = 0; count < 3; count += 1) await answered(() => get('?follow=true', { signal: cut.signal }), 200);
    expect((await get()).status).toBe(429);
    cut.abort();
    await (await answered(() => get('?limit=1'), 200)).text();
  });
});

describe('a governed stream as server-sent events', () => {
  test('follows what is written, and goes on after Last-Event-ID', async () => {
    const cut = new AbortController();
    const first = following(await answered(() => get('', { headers: { accept: 'text/event-stream' }, signal: cut.signal }), 200));
    await until(
      () => first.text().split('data: ').length === 31,
      () => first.text().length,
    );
    cut.abort();
    await first.done;
    const ids = [...first.text().matchAll(/^id: (\S+)$/gm)].map(([, id]) => id as string);
    expect(ids).toHaveLength(30);
    const again = new AbortController();
    const next = following(
      await answered(
        () => get('', { headers: { accept: 'text/event-stream', 'last-event-id': ids[27] as string }, signal: again.signal }),
        200,
      ),
    );
    await until(
      () => next.text().split('data: ').length === 3,
      () => next.text(),
    );
    again.abort();
  });

  test('ends when its agreement is suspended, and is refused until it goes on', async () => {
    const stream = following(await answered(live, 200));
    await put({ state: 'suspended' });
    await stream.done;
    const refused = await get();
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, 'conflict']);
    await put({ state: 'started' });
    await (await answered(() => get('?limit=1'), 200)).text();
  });

  test('brings nothing under directives that were asked for too long ago', async () => {
    const stream = following(await answered(live, 200));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { poll } = DirectiveFeed.prototype;
    const spy = jest.spyOn(DirectiveFeed.prototype, 'poll').mockImplementation(async function (this: DirectiveFeed, waitMs) {
      const answer = await poll.call(this, waitMs);
      await held;
      return answer;
    });
    try {
      await sleep(ageMsMax + 500);
      await fixture.write(3);
      await sleep(600);
      expect(stream.text()).not.toContain('data: ');
      await put({ state: 'suspended' });
    } finally {
      spy.mockRestore();
      // The answer that is read now was given before.
      release();
    }
    await stream.done;
    expect(stream.text()).not.toContain('data: ');
    await put({ state: 'started' });
    await (await answered(() => get('?limit=1'), 200)).text();
  });

  test('ends when the period is over, by its own clock', async () => {
    await put({ expiresAtMs: Date.now() + 1_500 });
    await following(await answered(live, 200)).done;
    await (await answered(() => get(), 409)).text();
    const { expiresAtMs: _, ...rest } = directive;
    directive = { ...rest, revision: directive.revision };
    await put({});
  });

  test('is cut off when the permission is taken away, although the connection stays', async () => {
    const stream = following(await answered(live, 200));
    unwrap(await fixture.admin.revoke(grants().map((grant) => ({ principal: reader, ...grant }))));
    await stream.done;
    expect(stream.text()).toContain('event: problem\ndata: {"type":"urn:sluice:error:topic-authorization-failed"');
    expect(stream.text()).not.toContain('\ndata: {"specversion"');
    expect((await get()).status).toBe(404);
  });
});

test('a cursor is read back as it was written, and nothing else is one', () => {
  const positions = new Map([
    [0, 0n],
    [1, 9_223_372_036_854_775_807n],
    [2, 17n],
  ]);
  expect(unwrap(readCursor('a-1', writeCursor('a-1', positions), 3))).toEqual(positions);
  for (const text of [
    '',
    'a-1:1',
    '*',
    writeCursor('a-2', positions),
    Buffer.from('a-1:-1').toString('base64url'),
    'x'.repeat(4_000),
  ])
    expect(readCursor('a-1', text, 3).ok).toBe(false);
  expect(readCursor('a-1', writeCursor('a-1', new Map([[0, 1n << 63n]])), 1).ok).toBe(false);
});
