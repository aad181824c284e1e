/** Where agreements stand, written to a real broker and read back. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import { PositionLog, standingRecord } from './position-log.ts';
import type { Standing } from './standing.ts';

let cluster: Cluster;
let log: PositionLog;
const reported: Failure[] = [];

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  cluster = unwrap(await Cluster.open({ brokers, clientId: 'position-log-test', sasl: { username, password } }));
  log = unwrap(await PositionLog.open(cluster, (failure) => reported.push(failure)));
}, 60_000);

afterAll(async () => {
  await log?.close();
  await cluster?.close();
});

async function write(records: readonly ReturnType<typeof standingRecord>[]): Promise<void> {
  const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('positions') }));
  producer.begin();
  unwrap(await producer.send(topicNames.positions, 0, records));
  unwrap(await producer.commit());
  await producer.close();
}

describe('the topic of positions', () => {
  test('gives back where each agreement stands as it was written, and nothing of one that has ended', async () => {
    const dataset = uniqueId('stands');
    const head = new Uint8Array(32).fill(9);
    const standings: Record<string, Standing> = {
      joined: { kind: 'joined', from: 3n },
      again: { kind: 'joined', from: 2n ** 62n, head },
      apart: { kind: 'apart', next: 5n, head },
      held: { kind: 'apart', next: 5n, head, heldRevision: 4, gap: true },
      ahead: { kind: 'apart', next: 90n, head, unreadable: [70n, 2n ** 62n] },
      ended: { kind: 'joined', from: 1n },
    };
    await write(Object.entries(standings).map(([agreement, standing]) => standingRecord(dataset, 4, agreement, standing)));
    await write([standingRecord(dataset, 4, 'ended', null)]);
    unwrap(await log.caughtUp());
    const read = Object.fromEntries(
      [...log.standings(dataset, 4)].map(([agreement, standing]) => [
        agreement,
        standing.head === undefined ? standing : { ...standing, head: new Uint8Array(standing.head) },
      ]),
    );
    const { ended: _, ...rest } = standings;
    expect(read).toEqual(rest);
  });

  test('keeps what was known when a record cannot be read, and says so', async () => {
    const dataset = uniqueId('stands');
    await write([standingRecord(dataset, 0, 'a', { kind: 'joined', from: 3n })]);
    const key = Buffer.from(`${dataset}/0/a`);
    await write([{ key, value: Buffer.from('{"version":1,"kind":"apart","next":"7"}') }]);
    unwrap(await log.caughtUp());
    expect(log.standings(dataset, 0).get('a')).toEqual({ kind: 'joined', from: 3n });
    expect(reported.map(({ message }) => message).filter((message) => message.includes(dataset))).toEqual([
      `reading the positions: the record of ${dataset}/0/a is malformed`,
    ]);
  });
});
