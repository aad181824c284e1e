/** Refused records are redriven on a real broker: through the Program that is current, once each, whatever overlaps or breaks off. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FeedProducer } from '../../../libs/adapters/kafka/index.ts';
import { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import { fail, ok, topicNames, unwrap } from '../../../libs/base/index.ts';
import { chainHead, chainStart, openSealed, splitOriginal } from '../../../libs/ledger/index.ts';
import { uniqueId } from '../../../libs/testkit/index.ts';
import { makeRoleAccounts } from '../../embedded/role-accounts.ts';
import { programOf, visit } from '../plane-fixture.ts';
import { canary, fakeClock, keyPair, range, ReplayFixture, unfit, withholding } from './replay-fixture.ts';

let fixture: ReplayFixture;

beforeAll(async () => {
  fixture = await ReplayFixture.open();
  await fixture.plane.start();
}, 60_000);

afterAll(async () => {
  await fixture?.plane.close();
}, 60_000);

const outcomesOf = (lines: readonly { outcome: string; why: string | null }[]): string[] =>
  lines.map(({ outcome, why }) => (why === null ? outcome : `${outcome}: ${why}`));

describe('a redrive', () => {
  test('delivers what the better Program takes, with a Receipt, and another one finds it delivered', async () => {
    const feed = await fixture.refused(range(0, 5).map((number) => unfit(number)));
    await fixture.improve(feed);
    const { lines, ended } = await fixture.run(feed);
    expect(unwrap(ended)).toMatchObject({ selected: 5, delivered: 5, withheld: 0, refused: 0, skipped: 0, left: 0 });
    expect(lines).toEqual(
      range(0, 5).map((offset) => ({ partition: 0, offset: String(offset), outcome: 'delivered', why: null })),
    );
    expect(await fixture.numbers(feed, 5)).toEqual(range(0, 5));
    const [written, ...others] = await fixture.receipts(feed);
    expect(others).toEqual([]);
    expect(written?.receipt).toMatchObject({ inputFrom: 0n, inputTo: 4n, inputCount: 5n, reshapeCount: 5n, refuseCount: 0n });
    expect(written?.receipt.programHashes).toEqual([programOf('no keys').hash]);
    // What was delivered is known by the topic alone: this is another process for all that it has in memory.
    const again = await fixture.run(feed);
    expect(outcomesOf(again.lines)).toEqual(Array.from({ length: 5 }, () => 'skipped: already-delivered'));
    expect(await fixture.numbers(feed, 5)).toEqual(range(0, 5));
  }, 60_000);

  test('writes Receipts that form one chain over redrives, and is written down with its selection', async () => {
    const feed = await fixture.refused(range(0, 4).map((number) => unfit(number)));
    await fixture.improve(feed);
    const id = uniqueId('first');
    await fixture.run(feed, { id, selection: { offsetTo: 1n } });
    // One record a transaction, so that a redrive has several.
    await fixture.run(feed, { rate: 1, config: { clock: fakeClock() } });
    let head = chainStart;
    const receipts = await fixture.receipts(feed);
    for (const { receipt, value } of receipts) {
      expect(Buffer.from(receipt.previous)).toEqual(Buffer.from(head));
      head = chainHead(value);
    }
    expect(receipts.map(({ receipt }) => receipt.inputCount)).toEqual([2n, 1n, 1n]);
    expect(await fixture.numbers(feed, 4)).toEqual(range(0, 4));
    expect(await fixture.audit(id)).toEqual([
      expect.objectContaining({ action: 'replay-begun', account: 'the-operator', selection: { offsetTo: '1' }, selected: 2 }),
      expect.objectContaining({ action: 'replay-ended', counts: expect.objectContaining({ delivered: 2, completed: true }) }),
    ]);
  }, 60_000);

  test('puts what is refused anew into the quarantine with the next attempt, sealed, and what is refused as before nowhere', async () => {
    const feed = await fixture.refused([unfit(1)]);
    const same = await fixture.run(feed);
    expect(outcomesOf(same.lines)).toEqual(['skipped: unchanged']);
    expect(await fixture.quarantined(feed.dataset, 2, 1_000)).toHaveLength(1);
    await fixture.improve(feed, {}, programOf('long phone'));
    expect(outcomesOf((await fixture.run(feed)).lines)).toEqual(['refused: value-unfit']);
    const [, again] = await fixture.quarantined(feed.dataset, 2);
    expect(again).toMatchObject({
      attempt: 2,
      agreement: feed.agreement,
      field: '/id',
      programHash: programOf('long phone').hash,
    });
    const opened = unwrap(
      await openSealed(
        fixture.keys.privateKey,
        again?.sealed ?? { encapsulatedKey: new Uint8Array(), ciphertext: new Uint8Array() },
        {
          dataset: feed.dataset,
          partition: 0,
          offset: 0n,
        },
      ),
    );
    expect(Buffer.from(unwrap(splitOriginal(opened)).value ?? []).includes(canary)).toBe(true);
    expect(outcomesOf((await fixture.run(feed)).lines)).toEqual(['skipped: unchanged']);
    await fixture.improve(feed, { revision: 3 });
    expect(outcomesOf((await fixture.run(feed, { selection: { attempt: 2 } })).lines)).toEqual(['delivered']);
    const counts = (await fixture.receipts(feed)).map(({ receipt }) => [receipt.refuseCount, receipt.reshapeCount]);
    expect(counts).toEqual([
      [1n, 0n],
      [0n, 1n],
    ]);
  }, 60_000);

  test('takes what the selection says, and no other', async () => {
    const feed = await fixture.refused([unfit(0), { key: null, value: Buffer.from('not framed') }, unfit(2), unfit(3)]);
    await fixture.improve(feed);
    const previewed = async (selection: object): Promise<number> => {
      const { ended } = await fixture.run(feed, { run: false, selection });
      return unwrap(ended).selected;
    };
    expect(await previewed({})).toBe(4);
    expect(await previewed({ reasons: ['frame-invalid'] })).toBe(1);
    expect(await previewed({ field: '/id' })).toBe(3);
    expect(await previewed({ offsetFrom: 2n })).toBe(2);
    expect(await previewed({ partition: 1 })).toBe(0);
    expect(await previewed({ attempt: 2 })).toBe(0);
    expect(await previewed({ refusedToMs: Date.now() - 3_600_000 })).toBe(0);
    const { lines } = await fixture.run(feed, { selection: { field: '/id', offsetTo: 2n } });
    expect(lines.map(({ offset }) => offset)).toEqual(['0', '2']);
    expect(await fixture.numbers(feed, 2)).toEqual([0, 2]);
  }, 60_000);

  test('gives an agreement nothing that was published before it began', async () => {
    const [dataset, first, later] = (await fixture.plane.dataset(1, 2)) as [string, string, string];
    const tokens = programOf('tokens');
    await fixture.plane.direct(dataset, first, tokens, { sealTo: fixture.keys.sealTo });
    await fixture.plane.publish(dataset, 0, [{ key: null, value: Buffer.from('not framed') }, visit(1)]);
    await fixture.quarantined(dataset, 1);
    await fixture.plane.governed(dataset, first, tokens, 1);
    await fixture.plane.direct(dataset, later, tokens, { sealTo: fixture.keys.sealTo, start: 'latest' });
    await fixture.plane.publish(dataset, 0, [visit(2)]);
    await fixture.plane.governed(dataset, later, tokens, 1);
    expect(outcomesOf((await fixture.run({ dataset, agreement: later })).lines)).toEqual(['skipped: never-taken']);
    expect(outcomesOf((await fixture.run({ dataset, agreement: first })).lines)).toEqual(['skipped: unchanged']);
  }, 60_000);

  test('keeps to its rate by the clock, and ends after the transaction under way when it is stopped', async () => {
    const feed = await fixture.refused(range(0, 6).map((number) => unfit(number)));
    await fixture.improve(feed);
    const clock = fakeClock();
    const stopped = await fixture.run(feed, { rate: 2, config: { clock }, stopAfter: 3 });
    expect(unwrap(stopped.ended)).toMatchObject({ delivered: 4, left: 2 });
    expect(clock.ms).toBe(1_000);
    expect(unwrap((await fixture.run(feed)).ended)).toMatchObject({ delivered: 2, skipped: 4, left: 0 });
    expect(await fixture.numbers(feed, 6)).toEqual(range(0, 6));
  }, 60_000);

  test("needs no more rights than the data plane's account has where Sluice makes it", async () => {
    const feed = await fixture.refused([unfit(0), unfit(1), { key: null, value: Buffer.from('not framed') }]);
    await fixture.improve(feed);
    await fixture.plane.truncate(feed.dataset, 0, 1n);
    const { dataPlane } = unwrap(await makeRoleAccounts(fixture.plane.admin));
    const kafka = { ...fixture.plane.kafka, sasl: dataPlane };
    const { lines } = await fixture.run(feed, { privateKey: fixture.keys.privateKey, config: { kafka } });
    expect(outcomesOf(lines)).toEqual(['delivered', 'delivered', 'skipped: unchanged']);
    expect(await fixture.numbers(feed, 2)).toEqual([0, 1]);
  }, 60_000);

  test('of an agreement that is not started does not begin', async () => {
    const feed = await fixture.refused([unfit(1)]);
    await fixture.plane.direct(feed.dataset, feed.agreement, programOf('no keys'), { revision: 2, state: 'suspended' });
    expect((await fixture.run(feed)).ended).toMatchObject({ ok: false, failure: { code: 'not-found' } });
  }, 60_000);
});

describe('redrives that overlap', () => {
  test('deliver each record once when they are started at the same time', async () => {
    const feed = await fixture.refused(range(0, 250).map((number) => unfit(number)));
    await fixture.improve(feed);
    const both = await Promise.all([fixture.run(feed), fixture.run(feed)]);
    const delivered = both.flatMap(({ lines }) => lines.filter(({ outcome }) => outcome === 'delivered'));
    expect(delivered.length).toBeLessThanOrEqual(250);
    expect(both.some(({ ended }) => ended.ok)).toBe(true);
    expect(await fixture.numbers(feed, 250)).toEqual(range(0, 250));
  }, 90_000);

  test('deliver each record once when the first goes on in the middle, after the second has done the rest', async () => {
    const feed = await fixture.refused(range(0, 30).map((number) => unfit(number)));
    await fixture.improve(feed);
    let goOn = (): void => undefined;
    const paused = new Promise<void>((resolve) => (goOn = resolve));
    // Waits for its second portion until the other one is done.
    let slept = 0;
    const clock = { nowMs: () => (slept === 0 ? 0 : 10_000), sleep: () => paused.then(() => void (slept += 1)) };
    const first = fixture.run(feed, { rate: 10, config: { clock } });
    expect(await fixture.plane.until(async () => (await fixture.receipts(feed)).length > 0)).toBe(true);
    const second = await fixture.run(feed);
    expect(unwrap(second.ended)).toMatchObject({ delivered: 20, skipped: 10 });
    goOn();
    const { lines, ended } = await first;
    expect(lines).toHaveLength(10);
    expect(ended).toMatchObject({ ok: false, failure: { code: 'producer-fenced' } });
    expect(await fixture.numbers(feed, 30)).toEqual(range(0, 30));
  }, 90_000);
});

test('a redrive that dies between produce and commit has delivered nothing, and the next one delivers all of it once', async () => {
  const feed = await fixture.refused(range(0, 20).map((number) => unfit(number)));
  await fixture.improve(feed);
  const left: FeedProducer[] = [];
  const dying = await fixture.run(feed, {
    config: {
      openProducer: async (cluster, transactionalId) => {
        const opened = await TransactionalProducer.open(cluster, { transactionalId });
        if (!opened.ok) return opened;
        left.push(opened.value);
        // Everything is with the brokers then; nobody ends the transaction.
        const dead = { commit: () => Promise.resolve(fail('transaction-failed', 'dead')), close: () => Promise.resolve() };
        return ok(
          new Proxy<FeedProducer>(opened.value, {
            get: (target, name) => {
              if (name in dead) return dead[name as keyof typeof dead];
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === 'function' ? (value.bind(target) as unknown) : value;
            },
          }),
        );
      },
    },
  });
  expect(dying.ended).toMatchObject({ ok: false, failure: { code: 'transaction-failed' } });
  expect(dying.lines).toEqual([]);
  expect(unwrap((await fixture.run(feed)).ended)).toMatchObject({ delivered: 20, skipped: 0 });
  expect(await fixture.numbers(feed, 20)).toEqual(range(0, 20));
  expect(await fixture.receipts(feed)).toHaveLength(1);
  for (const producer of left) await producer.close();
}, 60_000);

describe('an original that the raw topic no longer has', () => {
  test("is not redriven without the publisher's key, and nothing else of the selection either", async () => {
    const feed = await fixture.refused(range(0, 4).map((number) => unfit(number)));
    await fixture.improve(feed);
    await fixture.plane.truncate(feed.dataset, 0, 2n);
    const { lines, ended } = await fixture.run(feed);
    expect(ended).toMatchObject({
      ok: false,
      failure: { code: 'key-missing', message: expect.stringMatching(/^replaying .*2 of the selected originals .*--key-file/) },
    });
    expect(lines).toEqual([]);
    const preview = unwrap((await fixture.run(feed, { run: false })).ended);
    expect(preview.preview?.rows).toEqual([
      { reason: 'value-unfit', field: '/id', records: 4, delivered: 2, withheld: 0, refused: 0, skipped: { 'needs-key': 2 } },
    ]);
    expect(unwrap((await fixture.run(feed, { selection: { offsetFrom: 2n } })).ended)).toMatchObject({ delivered: 2 });
    expect(await fixture.numbers(feed, 2)).toEqual([2, 3]);
  }, 60_000);

  test('is opened with the key, and every opening is in the audit trail before the record is delivered', async () => {
    const feed = await fixture.refused(range(0, 3).map((number) => unfit(number)));
    await fixture.improve(feed);
    await fixture.plane.truncate(feed.dataset, 0, 2n);
    const id = uniqueId('opening');
    const { lines } = await fixture.run(feed, { id, privateKey: fixture.keys.privateKey });
    expect(outcomesOf(lines)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(await fixture.numbers(feed, 3)).toEqual([0, 1, 2]);
    const trail = await fixture.audit(id);
    expect(trail.map(({ action, partition, offset }) => [action, partition, offset])).toEqual([
      ['replay-begun', undefined, undefined],
      ['original-opened', 0, '0'],
      ['original-opened', 0, '1'],
      ['replay-ended', undefined, undefined],
    ]);
    expect(trail.every(({ account, agreement }) => account === 'the-operator' && agreement === feed.agreement)).toBe(true);
  }, 60_000);

  test('is not taken for the record that has its offset in a topic that was made anew', async () => {
    const feed = await fixture.refused([unfit(0)]);
    await fixture.improve(feed);
    const raw = topicNames.raw(feed.dataset);
    await fixture.plane.remove(raw);
    unwrap(await fixture.plane.admin.createTopics([{ name: raw, partitions: 1 }]));
    await fixture.plane.publish(feed.dataset, 0, [visit(99)]);
    expect(outcomesOf((await fixture.run(feed)).lines)).toEqual(['skipped: needs-key']);
    expect(outcomesOf((await fixture.run(feed, { privateKey: fixture.keys.privateKey })).lines)).toEqual(['delivered']);
    expect(await fixture.numbers(feed, 1)).toEqual([0]);
  }, 60_000);

  test('stays closed for the key of another publisher, and the attempt is in the audit trail too', async () => {
    const feed = await fixture.refused([unfit(0), unfit(1)]);
    await fixture.improve(feed);
    await fixture.plane.truncate(feed.dataset, 0, 1n);
    const id = uniqueId('wrong');
    const { lines } = await fixture.run(feed, { id, privateKey: (await keyPair()).privateKey });
    expect(outcomesOf(lines)).toEqual(['skipped: key-unfit', 'delivered']);
    expect((await fixture.audit(id)).filter(({ action }) => action === 'original-opened')).toHaveLength(1);
  }, 60_000);
});

describe('a preview', () => {
  test('counts by reason and field what would become of each, and which keys have newer records, and changes nothing', async () => {
    const feed = await fixture.refused([
      unfit(0, 'a'),
      unfit(1, 'b'),
      unfit(2, 'c'),
      unfit(3, 'a'),
      { key: Buffer.from('b'), value: Buffer.from('not framed') },
    ]);
    await fixture.improve(feed, {}, withholding(2));
    const { lines, ended } = await fixture.run(feed, { run: false });
    const { preview, ...counts } = unwrap(ended);
    expect(lines).toEqual([]);
    expect(counts).toMatchObject({ selected: 5, delivered: 3, withheld: 1, refused: 0, skipped: 1 });
    expect(preview?.rows).toEqual([
      { reason: 'value-unfit', field: '/id', records: 4, delivered: 3, withheld: 1, refused: 0, skipped: {} },
      { reason: 'frame-invalid', field: null, records: 1, delivered: 0, withheld: 0, refused: 0, skipped: { unchanged: 1 } },
    ]);
    // The first a and the b; the last a has none behind it.
    expect(preview?.newerKeys).toMatchObject({ records: 2, scannedRecords: 5 });
    expect(await fixture.plane.governed(feed.dataset, feed.agreement, programOf('no keys'), 1, 1_000)).toEqual([]);
    expect(await fixture.receipts(feed)).toEqual([]);
    expect(await fixture.quarantined(feed.dataset, 6, 1_000)).toHaveLength(5);
    expect(unwrap((await fixture.run(feed)).ended)).toMatchObject({ delivered: 3, withheld: 1, skipped: 1 });
    expect(outcomesOf((await fixture.run(feed)).lines).sort()).toEqual([
      'skipped: already-delivered',
      'skipped: already-delivered',
      'skipped: already-delivered',
      'skipped: already-withheld',
      'skipped: unchanged',
    ]);
  }, 60_000);

  test('does not end a redrive that is under way', async () => {
    const feed = await fixture.refused(range(0, 4).map((number) => unfit(number)));
    await fixture.improve(feed);
    await fixture.plane.truncate(feed.dataset, 0, 1n);
    const privateKey = fixture.keys.privateKey;
    let previewed: unknown;
    const clock = {
      ms: 0,
      nowMs: () => clock.ms,
      sleep: async (ms: number) => {
        previewed ??= unwrap((await fixture.run(feed, { run: false, privateKey })).ended).delivered;
        clock.ms += ms;
      },
    };
    expect(unwrap((await fixture.run(feed, { rate: 2, privateKey, config: { clock } })).ended)).toMatchObject({ delivered: 4 });
    expect(previewed).toBe(2);
  }, 60_000);
});

test('no clear value of a refused record is anywhere but in the raw topic', async () => {
  const feed = await fixture.refused(range(0, 3).map((number) => unfit(number, `${canary}-key`)));
  await fixture.improve(feed, {}, programOf('long phone'));
  const ran = [await fixture.run(feed)];
  await fixture.improve(feed, { revision: 3 });
  ran.push(await fixture.run(feed, { run: false }));
  await fixture.plane.truncate(feed.dataset, 0, 2n);
  ran.push(await fixture.run(feed), await fixture.run(feed, { privateKey: fixture.keys.privateKey }));
  expect(ran.map(({ ended }) => ended.ok)).toEqual([true, true, false, true]);
  const topics = [
    topicNames.governed(feed.dataset, feed.agreement),
    topicNames.quarantine(feed.dataset),
    topicNames.receipts,
    topicNames.dispositions,
    topicNames.audit,
  ];
  for (const topic of topics) {
    const records = await fixture.everything(topic);
    expect(records.length).toBeGreaterThan(0);
    for (const { key, value, headers } of records) {
      const bytes = Buffer.concat([key ?? Buffer.alloc(0), value ?? Buffer.alloc(0), ...headers.map(([, header]) => header)]);
      expect(bytes.includes(canary)).toBe(false);
    }
  }
  // The same look finds it where it may be.
  const raw = await fixture.everything(topicNames.raw(feed.dataset));
  expect(raw.some(({ value }) => Buffer.from(value ?? []).includes(canary))).toBe(true);
  expect(JSON.stringify(ran, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(canary);
  expect(JSON.stringify(fixture.plane.failures)).not.toContain(canary);
}, 60_000);
