/** The record connection against a broker that misbehaves on purpose. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Result } from '../../base/index.ts';
import { unwrap } from '../../base/index.ts';
import { BufferPool } from './buffer-pool.ts';
import { selfSigned } from './certificate-fixture.ts';
import type { FakeRequest } from './fake-broker-fixture.ts';
import { echoAnswer, echoCall, FakeBroker, frameOf, joined, keptCall } from './fake-broker-fixture.ts';
import type { RecordConnectionOptions } from './record-connection.ts';
import { RecordConnection } from './record-connection.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function brokerThat(answer: (request: FakeRequest) => void, tls?: { cert: string; key: string }): Promise<FakeBroker> {
  const broker = await FakeBroker.open(answer, tls);
  closing.push(() => broker.close());
  return broker;
}

async function open(broker: FakeBroker, options: Partial<RecordConnectionOptions> = {}): Promise<Result<RecordConnection>> {
  const pool = new BufferPool(1024 * 1024);
  const opened = await RecordConnection.open(broker.address, { clientId: 'test', pool, ...options });
  if (opened.ok) closing.push(() => opened.value.close());
  return opened;
}

const echoes = ({ body, reply }: FakeRequest): void => reply(echoAnswer(Buffer.from(body.bytes())));
const text = (value: string): Buffer => Buffer.from(value);
const why = (result: Result<unknown>): string => (result.ok ? 'ok' : result.failure.message);

/** Waits for what a broker does on its side. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to it');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('requests', () => {
  test('are all on their way before the first answer, and each gets its own', async () => {
    const waiting: FakeRequest[] = [];
    const broker = await brokerThat((request) => {
      waiting.push(request);
      if (waiting.length === 20) waiting.forEach(echoes);
    });
    const connection = unwrap(await open(broker));
    const sent = Array.from({ length: 20 }, (_, index) => text(`question ${index}`));
    const answers = await Promise.all(sent.map((bytes) => connection.request(echoCall, bytes)));
    expect(answers.map((answer) => unwrap(answer).toString())).toEqual(sent.map(String));
  });

  test('of many views arrive as one, whatever their size', async () => {
    const connection = unwrap(await open(await brokerThat(echoes), { pool: new BufferPool(16 * 1024 * 1024) }));
    for (const size of [0, 1, 511, 512, 513, 65_535, 65_536, 3_000_000]) {
      const bytes = Buffer.alloc(size, size % 251);
      expect(unwrap(await connection.request(echoCall, bytes)).equals(bytes)).toBe(true);
    }
  });

  test('fail once each when the connection is lost with them in flight, and so do later ones', async () => {
    const waiting: FakeRequest[] = [];
    const broker = await brokerThat((request) => {
      waiting.push(request);
      if (waiting.length === 1) echoes(request);
      if (waiting.length === 4) request.socket.destroy();
    });
    const connection = unwrap(await open(broker));
    let settled = 0;
    const ask = (): Promise<Result<Buffer>> => connection.request(echoCall, text('x')).finally(() => (settled += 1));
    const answers = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, false, false]);
    expect(settled).toBe(4);
    expect(connection.usable).toBe(false);
    expect(await connection.request(echoCall, text('later'))).toMatchObject({ failure: { code: 'broker-unreachable' } });
  });

  test('without an answer in time break the connection and name what was asked', async () => {
    const broker = await brokerThat(() => undefined);
    const connection = unwrap(await open(broker, { requestTimeoutMs: 1_000 }));
    const answers = await Promise.all([connection.request(echoCall, text('a')), connection.request(echoCall, text('b'))]);
    expect(answers.map(why)).toEqual(['no answer to Echo in time', 'no answer to Echo in time']);
    expect(connection.usable).toBe(false);
  });
});

describe('an answer', () => {
  const broken = async (
    send: (request: FakeRequest) => void,
    options: Partial<RecordConnectionOptions> = {},
  ): Promise<string> => {
    const connection = unwrap(await open(await brokerThat(send), options));
    const answer = await connection.request(echoCall, text('x'));
    expect(connection.usable).toBe(false);
    return why(answer);
  };

  test('with another correlation id than asked breaks the connection', async () => {
    const answered = await broken(({ correlationId, socket }) => {
      socket.write(frameOf(correlationId + 1, joined(echoAnswer(text('x')))));
    });
    expect(answered).toBe('the broker answered what was not asked');
  });

  test('that nobody asked for breaks the connection', async () => {
    const connection = unwrap(
      await open(
        await brokerThat((request) => {
          echoes(request);
          request.socket.write(frameOf(request.correlationId, joined(echoAnswer(text('again')))));
        }),
      ),
    );
    expect(unwrap(await connection.request(echoCall, text('once'))).toString()).toBe('once');
    await until(() => !connection.usable);
  });

  test('over the limit breaks the connection before anything of it is kept', async () => {
    const pool = new BufferPool(1024 * 1024);
    const answered = await broken(({ socket }) => void socket.write(Buffer.from('7fffffff00000000', 'hex')), { pool });
    expect(answered).toBe('the broker sent an answer of 2147483647 bytes');
    expect(pool.leasedBytes).toBe(0);
  });

  test('that ends early or counts more than it has breaks the connection', async () => {
    const short = ({ correlationId, socket }: FakeRequest): void => void socket.write(frameOf(correlationId, Buffer.alloc(2)));
    expect(await broken(short)).toBe("the broker's answer to Echo is malformed");
    const lying = Buffer.from('00000000ff7f', 'hex');
    const long = ({ correlationId, socket }: FakeRequest): void => void socket.write(frameOf(correlationId, lying));
    expect(await broken(long)).toBe("the broker's answer to Echo is malformed");
  });

  test('with a time to be silent mutes its own connection for that time and no other', async () => {
    const seen: string[] = [];
    const broker = await brokerThat(({ body, reply }) => {
      const bytes = Buffer.from(body.bytes());
      seen.push(bytes.toString());
      reply(echoAnswer(bytes, bytes.toString() === 'much' ? 1_000 : 0));
    });
    const [muted, other] = [unwrap(await open(broker)), unwrap(await open(broker))];
    unwrap(await muted.request(echoCall, text('much')));
    const held = muted.request(echoCall, text('held'));
    unwrap(await other.request(echoCall, text('other')));
    expect(seen).toEqual(['much', 'other']);
    expect(unwrap(await held).toString()).toBe('held');
    expect(seen).toEqual(['much', 'other', 'held']);
  });
});

describe('the pool', () => {
  const size = 200_000;
  const answers = (count: number, tls?: { cert: string; key: string }): Promise<FakeBroker> =>
    brokerThat(({ body, reply }) => {
      const index = body.bytes()[0] as number;
      if (index < count) reply(echoAnswer(Buffer.alloc(size, index)));
    }, tls);

  const drains = async (broker: FakeBroker, options: Partial<RecordConnectionOptions>): Promise<void> => {
    const count = 60;
    // Room for two answers, each in a buffer of 256 KiB.
    const pool = new BufferPool(600_000);
    const connection = unwrap(await open(broker, { pool, ...options }));
    const asked = Array.from({ length: count }, (_, index) => connection.request(keptCall, Buffer.from([index])));
    let arrived = 0;
    for (const answer of asked) void answer.then(() => (arrived += 1));
    await until(() => arrived === 2);
    // The broker has all of it to send and cannot: reading is paused.
    await until(() => [...broker.sockets].some((socket) => socket.writableLength > size));
    expect(arrived).toBe(2);
    for (const [index, answer] of asked.entries()) {
      const { bytes, release } = unwrap(await answer);
      expect(bytes.length === size && bytes.every((byte) => byte === index)).toBe(true);
      expect(pool.leasedBytes).toBeLessThanOrEqual(pool.bytesMax);
      release();
      release();
    }
    expect(pool.leasedBytes).toBe(0);
  };

  test('without room pauses reading, and a buffer that is given back lets it go on', async () => {
    await drains(await answers(60), {});
  });

  test('does so under TLS too', async () => {
    const identity = selfSigned('broker.example');
    await drains(await answers(60, identity), { tls: { ca: identity.cert, serverName: 'broker.example' } });
  });

  test('gets back what a broken connection had half read', async () => {
    const pool = new BufferPool(1024 * 1024);
    const broker = await brokerThat(({ correlationId, socket }) => {
      socket.write(frameOf(correlationId, joined(echoAnswer(Buffer.alloc(size)))).subarray(0, size / 2));
    });
    const connection = unwrap(await open(broker, { pool }));
    const asked = connection.request(keptCall, text('x'));
    await until(() => pool.leasedBytes > 0);
    connection.close();
    expect(why(await asked)).toBe('the connection was closed');
    expect(pool.leasedBytes).toBe(0);
  });

  test('does not count the time that it holds reading up as lateness of the broker', async () => {
    const pool = new BufferPool(256 * 1024);
    const options = { pool, requestTimeoutMs: 2_000, frameBytesMax: pool.bytesMax };
    const connection = unwrap(await open(await answers(9), options));
    const first = unwrap(await connection.request(keptCall, Buffer.from([1])));
    const second = connection.request(keptCall, Buffer.from([2]));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(connection.usable).toBe(true);
    first.release();
    unwrap(await second).release();
  });
});

describe('connecting', () => {
  test('to a broker that lacks a version fails and names it', async () => {
    const broker = await brokerThat(echoes);
    broker.versions.set(echoCall.key, 0);
    const calls = [{ name: 'Echo', key: echoCall.key, version: 1 }];
    expect(why(await open(broker, { calls }))).toMatch(/: Kafka 4.0 or newer is needed; Echo 1 is missing$/);
  });

  test('to nobody, and to somebody who says nothing, fails', async () => {
    const pool = new BufferPool(1024);
    const nobody = await RecordConnection.open({ host: '127.0.0.1', port: 1 }, { clientId: 'test', pool });
    expect(why(nobody)).toBe('connecting to 127.0.0.1:1: ECONNREFUSED');
    const silent = await brokerThat(echoes, selfSigned('broker.example'));
    expect(why(await open(silent, { requestTimeoutMs: 50 }))).not.toBe('ok');
  });

  test('by TLS is for a broker whose certificate is known and carries the name', async () => {
    const identity = selfSigned('broker.example');
    const broker = await brokerThat(echoes, identity);
    const trusting = { ca: identity.cert, serverName: 'broker.example' };
    const connection = unwrap(await open(broker, { tls: trusting }));
    expect(unwrap(await connection.request(echoCall, text('sealed'))).toString()).toBe('sealed');
    expect(why(await open(broker, { tls: { ...trusting, serverName: 'other.example' } }))).toMatch(
      /ERR_TLS_CERT_ALTNAME_INVALID\)$/,
    );
    expect(why(await open(broker, { tls: { ca: identity.cert } }))).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID\)$/);
    expect(why(await open(broker, { tls: { serverName: 'broker.example' } }))).toMatch(/SELF_SIGNED_CERT\)$/);
  });
});
