/** Compacted feeds on a real broker: whoever keeps the last record of each key has what the publisher has, less what is not theirs. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OutRecord, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { decodeQuarantined } from '../../libs/ledger/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import { compactedProgram, digestsOf, keptBy, keyOf, put, tableOf, tokenOf } from './compacted-fixture.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';

const tokens = compactedProgram('tokens');
const keeps = compactedProgram('keep');
let fixture: PlaneFixture;

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  await fixture.start();
}, 60_000);

afterAll(() => fixture?.close(), 60_000);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What an agreement's topic has, once it has `count` records and what may be too much has had its time. */
async function topicOf(dataset: string, agreement: string, count: number): Promise<ReadRecord[]> {
  const topic = topicNames.governed(dataset, agreement);
  await fixture.readAll(topic, (records) => records.length >= count);
  return fixture.readAll(topic, (records) => records.length > count, 1_000);
}

async function receiptsOf(dataset: string, agreement: string, inputs: number): Promise<Receipt[]> {
  const found = await fixture.receipts(dataset, agreement, inputs);
  return found.map(({ receipt }) => receipt).filter((receipt) => receipt.agreement === agreement);
}

/** Key and whether there is a value, of each record. */
const shapes = (records: readonly ReadRecord[]): [string, string][] =>
  records.map(({ key, value }) => [Buffer.from(key ?? []).toString(), value === null ? 'delete' : 'value']);

describe('a compacted feed', () => {
  test('leaves under tokens: updates, deletes and withheld rows reach the same key, and what is refused leaves it as it was', async () => {
    const [dataset, agreement, withIds] = (await fixture.dataset(1, 2, { compacted: true })) as [string, string, string];
    const directive = await fixture.direct(dataset, agreement, tokens);
    const other = await fixture.direct(dataset, withIds, tokens, { recordIds: true });
    const given: OutRecord[] = [
      ...[1, 2, 3, 4].map((id) => put(id, id * 10)),
      put(1, 11),
      put(2, null),
      put(3, -3),
      // Refused, one way and another: what was there before stays.
      put(4, 41, 'no phone'),
      { key: null, value: visit(50) },
      { key: null, value: null },
      { key: Buffer.from('no number'), value: null },
      { key: keptBy(1), value: visit(60, keyOf(2)) },
      { key: keptBy(1), value: Buffer.from([1, 2, 3]) },
    ];
    await fixture.publish(dataset, 0, given);
    const records = await topicOf(dataset, agreement, 7);
    const token = (id: number): string => tokenOf(directive, id);
    expect(shapes(records)).toEqual([
      ...[1, 2, 3, 4, 1].map((id) => [token(id), 'value']),
      [token(2), 'delete'],
      [token(3), 'delete'],
    ]);
    expect(tableOf(tokens, records)).toEqual(
      new Map([
        [token(4), 40],
        [token(1), 11],
      ]),
    );
    const refused = await fixture.readAll(topicNames.quarantine(dataset), (read) => read.length >= 11);
    const reasons = refused.map(({ value }) => unwrap(decodeQuarantined(value ?? new Uint8Array())));
    expect(
      reasons.filter((one) => one.agreement !== withIds).map(({ reason, offsetFirst }) => [Number(offsetFirst), reason]),
    ).toEqual([
      [7, 'value-unfit'],
      [8, 'key-unfit'],
      [9, 'key-unfit'],
      [10, 'key-unfit'],
      [11, 'key-unfit'],
      [12, 'frame-invalid'],
    ]);
    const receipts = await receiptsOf(dataset, agreement, 13);
    const sum = (of: (receipt: Receipt) => bigint): bigint => receipts.reduce((total, receipt) => total + of(receipt), 0n);
    expect([sum((one) => one.reshapeCount), sum((one) => one.withholdCount), sum((one) => one.refuseCount)]).toEqual([
      6n,
      1n,
      6n,
    ]);
    expect(receipts.every(({ programHashes }) => programHashes.every((hash) => hash === tokens.hash))).toBe(true);
    expect(receipts.map(({ governedDigest }) => hex(governedDigest))).toEqual(digestsOf(receipts, records));
    // The other agreement has the same changes under keys of its own, and each record, deletes too, has an id.
    const others = await topicOf(dataset, withIds, 7);
    expect(shapes(others).map(([, shape]) => shape)).toEqual(shapes(records).map(([, shape]) => shape));
    expect(shapes(others)[5]).toEqual([tokenOf(other, 2), 'delete']);
    expect(new Set(others.map(({ headers }) => `${headers[0]?.[0]} ${hex(headers[0]?.[1] ?? new Uint8Array())}`)).size).toBe(7);
    expect(records.flatMap(({ headers }) => headers)).toEqual([]);
  }, 60_000);

  test('gives each agreement the table that plain bookkeeping has, with Receipts whose digests any reader finds', async () => {
    const [dataset, ...agreements] = (await fixture.dataset(2, 3, { compacted: true })) as [string, string, string, string];
    const [tokened, kept, shared] = agreements;
    const directive = await fixture.direct(dataset, tokened, tokens);
    for (const agreement of [kept, shared]) await fixture.direct(dataset, agreement, keeps, { compression: 'lz4' });
    const oracle = new Map<number, number>();
    const counts = { governed: 0, withheld: 0, refused: 0 };
    // A generator of our own: the same changes in each run.
    let state = 20_261_128;
    const below = (most: number): number => (state = (state * 48_271) % 2_147_483_647) % most;
    const change = (id: number): OutRecord => {
      const [what, number] = [below(10), below(1_000_000)];
      if (what === 0) {
        counts.refused += 1;
        return put(id, number, 'none');
      }
      if (what <= 2) oracle.delete(id);
      else oracle.set(id, number);
      counts[what === 1 ? 'withheld' : 'governed'] += 1;
      return what === 1 ? put(id, -1 - number) : put(id, what === 2 ? null : number);
    };
    for (let round = 0; round < 12; round += 1) {
      const ids = Array.from({ length: 200 }, () => below(60));
      for (const partition of [0, 1])
        await fixture.publish(
          dataset,
          partition,
          ids.filter((id) => id % 2 === partition).map((id) => change(id)),
        );
    }
    const inputs = counts.governed + counts.withheld + counts.refused;
    const named = (name: (id: number) => string): Map<string, number> =>
      new Map([...oracle].map(([id, number]) => [name(id), number]));
    for (const [agreement, program, name] of [
      [tokened, tokens, (id: number) => tokenOf(directive, id)],
      [kept, keeps, keyOf],
      [shared, keeps, keyOf],
    ] as const) {
      const records = await topicOf(dataset, agreement, counts.governed + counts.withheld);
      expect(tableOf(program, records)).toEqual(named(name));
      const receipts = await receiptsOf(dataset, agreement, inputs);
      const sum = (of: (receipt: Receipt) => bigint): number => Number(receipts.reduce((total, one) => total + of(one), 0n));
      expect({
        governed: sum((one) => one.passCount + one.reshapeCount),
        withheld: sum((one) => one.withholdCount),
        refused: sum((one) => one.refuseCount),
      }).toEqual(counts);
      for (const partition of [0, 1]) {
        const own = receipts.filter((receipt) => receipt.partition === partition);
        const read = records.filter((record) => record.partition === partition);
        expect(own.map(({ governedDigest }) => hex(governedDigest))).toEqual(digestsOf(own, read));
        // A reader that leaves the deletes out finds another digest (planted).
        const values = read.filter(({ value }) => value !== null);
        expect(own.map(({ governedDigest }) => hex(governedDigest))).not.toEqual(digestsOf(own, values));
      }
    }
    // A reader that passes over deletes has another table (planted).
    const all = await topicOf(dataset, kept, counts.governed + counts.withheld);
    expect(
      tableOf(
        keeps,
        all.filter(({ value }) => value !== null),
      ),
    ).not.toEqual(named(keyOf));
  }, 120_000);

  test('is delivered from a raw topic that is compacted itself', async () => {
    const [dataset, agreement] = (await fixture.dataset(1, 1, { raw: { 'cleanup.policy': 'compact' }, compacted: true })) as [
      string,
      string,
    ];
    await fixture.direct(dataset, agreement, keeps);
    await fixture.publish(dataset, 0, [put(1, 1), put(1, null), put(2, 2)]);
    expect(tableOf(keeps, await topicOf(dataset, agreement, 3))).toEqual(new Map([[keyOf(2), 2]]));
    const policy = (topic: string): Promise<string> => fixture.admin.topicConfig(topic, 'cleanup.policy').then(unwrap);
    expect(await policy(topicNames.governed(dataset, agreement))).toBe('compact');
  }, 60_000);
});

test('a feed that is not compacted refuses null values as ever, and says nothing of withheld rows', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  await fixture.direct(dataset, agreement, programOf('no keys'));
  await fixture.publish(dataset, 0, [put(1, 1), put(1, null), put(2, -2), put(3, 3)]);
  const records = await topicOf(dataset, agreement, 2);
  expect(shapes(records)).toEqual([
    ['', 'value'],
    ['', 'value'],
  ]);
  const [refused] = await fixture.readAll(topicNames.quarantine(dataset), (read) => read.length > 0);
  expect(unwrap(decodeQuarantined(refused?.value ?? new Uint8Array()))).toMatchObject({
    agreement: null,
    reason: 'tombstone-refused',
  });
}, 60_000);
