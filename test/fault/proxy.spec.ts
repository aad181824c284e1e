/** The proxy between a client and a broker that answers everything: what passes, what does not, and the answers that it makes up. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { assignedPartitions, errorAnswer, fetchedBytes } from './error-answers.ts';
import { apis, FieldReader, FieldWriter, framed, FrameSplitter, readHead } from './kafka-frames.ts';
import type { ApiName } from './kafka-frames.ts';
import type { Act, Rule } from './proxy.ts';
import { KafkaProxy } from './proxy.ts';

const topicId = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');

/** A request with a flexible header. */
const request = (api: ApiName, version: number, correlation: number, body: Buffer, clientId = 'plane'): Buffer =>
  new FieldWriter()
    .int16(apis[api])
    .int16(version)
    .int32(correlation)
    .int16(clientId.length)
    .raw(Buffer.from(clientId))
    .tags()
    .raw(body)
    .done();

const endTxnBody = (): Buffer =>
  new FieldWriter()
    .compact(Buffer.from('t'))
    .int64(1n)
    .int16(0)
    .raw(Buffer.from([1]))
    .tags()
    .done();

describe('a proxy that knows the framing', () => {
  /** What the broker got, and how it answers. */
  let got: Buffer[];
  let proxy: KafkaProxy;
  let client: Socket;
  let answers: Buffer[];
  const brokerSockets = new Set<Socket>();
  const broker = createServer((socket) => {
    brokerSockets.add(socket);
    socket.on('error', () => undefined);
    const splitter = new FrameSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) {
        got.push(frame);
        socket.write(framed(new FieldWriter().int32(readHead(frame).correlation).tags().raw(Buffer.from('real')).done()));
      }
    });
  });

  beforeEach(async () => {
    got = [];
    answers = [];
    broker.listen(0, '127.0.0.1');
    await once(broker, 'listening');
    proxy = await KafkaProxy.open(1);
    proxy.lead([(broker.address() as AddressInfo).port]);
    client = connect(proxy.ports[0] ?? 0, '127.0.0.1');
    const splitter = new FrameSplitter();
    client.on('error', () => undefined);
    client.on('data', (chunk: Buffer) => answers.push(...splitter.push(chunk)));
    await once(client, 'connect');
  });

  afterEach(async () => {
    client.destroy();
    await proxy.close();
    for (const socket of brokerSockets) socket.destroy();
    broker.close();
    await once(broker, 'close');
  });

  const rule = (api: ApiName, on: Rule['on'], act: Act, more: Partial<Rule> = {}): Rule => ({
    clientId: 'plane',
    api,
    on,
    act,
    times: 1,
    ...more,
  });
  const send = (...frames: Buffer[]): void => void client.write(Buffer.concat(frames.map(framed)));
  const sendEndTxn = (correlation: number, clientId?: string): void =>
    send(request('endTxn', 5, correlation, endTxnBody(), clientId));
  const correlations = (): number[] => answers.map((answer) => answer.readInt32BE(0));
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('passes on what no rule is about, byte for byte, however it is cut into pieces', async () => {
    const frame = request('endTxn', 5, 1, endTxnBody());
    for (const byte of framed(frame)) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    sendEndTxn(2);
    await until(() => answers.length === 2);
    expect(got[0]).toEqual(frame);
    expect(correlations()).toEqual([1, 2]);
    expect(answers[0]?.subarray(5).toString()).toBe('real');
  });

  test('applies a rule to its api, client and times alone, and tells of each time', async () => {
    let hits = 0;
    const placed = proxy.add(rule('endTxn', 'request', { kind: 'answer', code: 51 }, { times: 2, hit: () => (hits += 1) }));
    sendEndTxn(1, 'another');
    send(request('initProducerId', 5, 2, Buffer.alloc(0)));
    for (const correlation of [3, 4, 5]) sendEndTxn(correlation);
    await until(() => answers.length === 5);
    expect(correlations()).toEqual([1, 2, 3, 4, 5]);
    expect(got.map((frame) => readHead(frame).correlation)).toEqual([1, 2, 5]);
    expect(answers[2]?.readInt16BE(9)).toBe(51);
    expect([hits, placed.hits()]).toEqual([2, 2]);
  });

  test('drops a connection before the broker has the request, or after it has done it', async () => {
    proxy.add(rule('endTxn', 'request', { kind: 'drop' }));
    sendEndTxn(1);
    await once(client, 'close');
    expect(got).toHaveLength(0);

    client = connect(proxy.ports[0] ?? 0, '127.0.0.1');
    client.on('error', () => undefined);
    proxy.add(rule('endTxn', 'answer', { kind: 'drop' }));
    sendEndTxn(2);
    await once(client, 'close');
    expect(got).toHaveLength(1);
    expect(answers).toHaveLength(0);
  });

  test('swallows an answer and all that follows while the connection stays open', async () => {
    const placed = proxy.add(rule('endTxn', 'answer', { kind: 'black-hole' }));
    sendEndTxn(1);
    await until(() => placed.hits() === 1);
    sendEndTxn(2);
    const other = connect(proxy.ports[0] ?? 0, '127.0.0.1');
    other.write(framed(request('endTxn', 5, 3, endTxnBody())));
    await once(other, 'data');
    other.destroy();
    expect(answers).toHaveLength(0);
    expect(client.closed).toBe(false);
    expect(got.map((frame) => readHead(frame).correlation)).toEqual([1, 3]);
  });

  test('holds a request back without changing the order of what comes behind it', async () => {
    proxy.add(rule('endTxn', 'request', { kind: 'delay', ms: 30 }));
    sendEndTxn(1);
    send(request('initProducerId', 5, 2, Buffer.alloc(0)));
    await until(() => answers.length === 2);
    expect(correlations()).toEqual([1, 2]);
  });

  test('looks at what a rule asks for, and shows everything to a watcher', async () => {
    const seen: string[] = [];
    const end = proxy.watch((on, { api, clientId }) => seen.push(`${on} ${api} ${clientId}`));
    const placed = proxy.add(rule('endTxn', 'answer', { kind: 'drop' }, { when: ({ frame }) => frame.readInt32BE(0) === 7 }));
    sendEndTxn(1);
    await until(() => answers.length === 1);
    end();
    sendEndTxn(7);
    await once(client, 'close');
    expect(seen).toEqual(['request endTxn plane', 'answer endTxn plane']);
    expect(placed.hits()).toBe(1);
  });
});

describe('an answer that no broker gave', () => {
  const answerTo = (api: ApiName, version: number, body: Buffer): FieldReader => {
    const frame = request(api, version, 9, body);
    const answer = errorAnswer(readHead(frame), frame, 77) as Buffer;
    expect(answer.readInt32BE(0)).toBe(9);
    const reader = new FieldReader(answer, 4);
    reader.tags();
    return reader;
  };

  test('to Produce has the code for each partition asked about', () => {
    const partition = (writer: FieldWriter, index: number): void => void writer.int32(index).compact(Buffer.alloc(200)).tags();
    const body = new FieldWriter().varint(0).int16(-1).int32(1);
    body.array(['a', 'b'], (name) => {
      body.compact(Buffer.from(name)).array([0, 3], (index) => partition(body, index));
      body.tags();
    });
    const reader = answerTo('produce', 12, body.tags().done());
    const topics = reader.array(() => {
      const name = reader.compact().toString();
      const partitions = reader.array(() => {
        const codes = [reader.int32(), reader.int16()];
        reader.skip(24);
        expect(reader.array(() => undefined)).toEqual([]);
        reader.compact();
        reader.tags();
        return codes;
      });
      reader.tags();
      return { name, partitions };
    });
    const codes = [
      [0, 77],
      [3, 77],
    ];
    expect(topics).toEqual([
      { name: 'a', partitions: codes },
      { name: 'b', partitions: codes },
    ]);
    expect(reader.int32()).toBe(0);
    reader.tags();
  });

  test('to TxnOffsetCommit has the code for each partition asked about', () => {
    const body = new FieldWriter().compact(Buffer.from('t')).compact(Buffer.from('g')).int64(1n).int16(0).int32(4);
    body.compact(Buffer.from('member')).varint(0);
    body.array(['a'], (name) => {
      body.compact(Buffer.from(name)).array([2], (index) => {
        body.int32(index).int64(5n).int32(-1).varint(0).tags();
      });
      body.tags();
    });
    const reader = answerTo('txnOffsetCommit', 5, body.tags().done());
    expect(reader.int32()).toBe(0);
    const codes = reader.array(() => {
      reader.compact();
      const partitions = reader.array(() => {
        const pair = [reader.int32(), reader.int16()];
        reader.tags();
        return pair;
      });
      reader.tags();
      return partitions;
    });
    expect(codes).toEqual([[[2, 77]]]);
  });

  test('to ConsumerGroupHeartbeat has the code and assigns nothing', () => {
    const reader = answerTo('consumerGroupHeartbeat', 1, Buffer.alloc(0));
    expect([reader.int32(), reader.int16(), reader.varint(), reader.varint()]).toEqual([0, 77, 0, 0]);
    expect([reader.int32(), reader.int32(), reader.int8()]).toEqual([0, 0, -1]);
    reader.tags();
  });

  test('to Fetch has the code and no records, and what a real one brought is counted by topic', () => {
    const body = new FieldWriter()
      .int32(1)
      .int32(1)
      .int32(1)
      .raw(Buffer.from([1]))
      .int32(0)
      .int32(-1);
    body.array([topicId], (id) => {
      body.raw(id).array([1], (index) => {
        body.int32(index).int32(-1).int64(0n).int32(-1).int64(-1n).int32(9).tags();
      });
      body.tags();
    });
    const reader = answerTo(
      'fetch',
      17,
      body
        .array([], () => undefined)
        .varint(1)
        .tags()
        .done(),
    );
    expect(reader.int32()).toBe(0);
    expect(reader.int16()).toBe(0);
    reader.int32();
    const codes = reader.array(() => {
      expect(reader.bytes(16)).toEqual(topicId);
      const pairs = reader.array(() => {
        const pair = [reader.int32(), reader.int16()];
        reader.skip(24).varint();
        reader.int32();
        expect(reader.compact()).toHaveLength(0);
        reader.tags();
        return pair;
      });
      reader.tags();
      return pairs;
    });
    expect(codes).toEqual([[[1, 77]]]);

    const real = new FieldWriter().int32(9).tags().int32(0).int16(0).int32(0);
    real.array([topicId], (id) => {
      real.raw(id).array([10, 20], (size) => {
        real.int32(0).int16(0).int64(0n).int64(0n).int64(0n);
        real.array([1n], (producer) => void real.int64(producer).int64(0n).tags());
        real.int32(-1).compact(Buffer.alloc(size)).tags();
      });
      real.tags();
    });
    expect([...fetchedBytes(real.tags().done())]).toEqual([[topicId.toString('hex'), 30]]);
  });

  test('is not made up for a version that the proxy does not know', () => {
    const frame = request('produce', 13, 1, Buffer.alloc(0));
    expect(errorAnswer(readHead(frame), frame, 77)).toBeUndefined();
  });
});

test("an assignment is read from a heartbeat's answer, and none from one that is silent about it or refuses", () => {
  const answer = (code: number, assigned: readonly number[] | undefined): Buffer => {
    const writer = new FieldWriter()
      .int32(1)
      .tags()
      .int32(0)
      .int16(code)
      .varint(0)
      .compact(Buffer.from('m'))
      .int32(3)
      .int32(1500);
    if (assigned === undefined)
      return writer
        .raw(Buffer.from([0xff]))
        .tags()
        .done();
    writer.raw(Buffer.from([1])).array([topicId], (id) => {
      writer.raw(id).array(assigned, (partition) => void writer.int32(partition));
      writer.tags();
    });
    return writer.tags().tags().done();
  };
  expect(assignedPartitions(answer(0, [1, 4]))).toBe(2);
  expect(assignedPartitions(answer(0, undefined))).toBeUndefined();
  expect(assignedPartitions(answer(25, [1]))).toBeUndefined();
});
