/** Records of erased subjects are withheld under every agreement, from the moment the list says so, and while the list is not known nothing leaves. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { suppressionKey } from '../../libs/catalog/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compactedProgram, keyOf, put, tableOf, tokenOf } from './compacted-fixture.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';
import { SuppressionBoard } from './suppression-board.ts';

let fixture: PlaneFixture;
let program: Program;

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  program = programOf('tokens');
});
afterEach(() => fixture.stopPlanes());
afterAll(() => fixture.close());

/** Records whose ids go round through these. */
const ids = ['000001', '000002', '000003', '000004'];
const idOf = (number: number): string => ids[number % ids.length] as string;
const visits = (from: number, count: number): { key: Buffer; value: Uint8Array }[] =>
  Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(idOf(from + index)),
    value: visit(from + index, idOf(from + index)),
  }));
const numbersWithout = (count: number, erased: readonly string[]): number[] =>
  Array.from({ length: count }, (_, index) => index).filter((number) => !erased.includes(idOf(number)));

describe('an erased subject', () => {
  test('is withheld under every agreement, whatever the key of its records is, and the Receipts say how often', async () => {
    const [dataset, one, two] = await fixture.dataset(1, 2);
    const more = await fixture.erase(dataset, ['000002']);
    for (const study of [one, two]) await fixture.direct(dataset, study as string, program, more);
    const plane = await fixture.start();
    const otherKeys = [
      { key: null, value: visit(100, '000002') },
      { key: Buffer.from('an order number'), value: visit(101, '000002') },
      { key: Buffer.from('000002'), value: visit(102, '000003') },
      { key: Buffer.from('an order number'), value: visit(103, '000003') },
    ];
    await fixture.publish(dataset, 0, [...visits(0, 100), ...otherKeys]);
    for (const study of [one, two] as string[]) {
      const governed = await fixture.governed(dataset, study, program, 76);
      expect(governed.map(({ number }) => number)).toEqual([...numbersWithout(100, ['000002']), 103]);
      const receipts = (await fixture.receipts(dataset, study, 104)).filter(({ receipt }) => receipt.agreement === study);
      const sum = (of: 'inputCount' | 'withholdCount' | 'suppressCount') =>
        receipts.reduce((all, { receipt }) => all + receipt[of], 0n);
      expect([sum('inputCount'), sum('withholdCount'), sum('suppressCount')]).toEqual([104n, 28n, 28n]);
    }
    const status = plane.status().find((feed) => feed.dataset === dataset);
    expect(status?.agreements.get(one as string)).toEqual({ input: 104, governed: 76, withheld: 28, suppressed: 28, refused: 0 });
  });

  test('is not sealed into the quarantine, where its record would have been refused', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    await fixture.direct(dataset, study as string, program, await fixture.erase(dataset, ['000002']));
    await fixture.start();
    const unfit = (key: string) => ({ key: Buffer.from(key), value: Buffer.from('no frame') });
    await fixture.publish(dataset, 0, [unfit('000001'), unfit('000002'), ...visits(0, 4)]);
    await fixture.governed(dataset, study as string, program, 3);
    const [first] = await fixture.receipts(dataset, study as string, 6);
    expect(first?.receipt).toMatchObject({ refuseCount: 1n, suppressCount: 2n });
    expect(await fixture.readAll(topicNames.quarantine(dataset), (records) => records.length >= 1)).toHaveLength(1);
  });

  test('is withheld from the next records on while the feed goes on, and the others lose nothing', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    const more = await fixture.erase(dataset, ['000001']);
    await fixture.direct(dataset, study as string, program, more);
    const plane = await fixture.start();
    const suppressed = (): number =>
      plane
        .status()
        .find((feed) => feed.dataset === dataset)
        ?.agreements.get(study as string)?.suppressed ?? 0;
    await fixture.publish(dataset, 0, visits(0, 100));
    expect(await fixture.until(() => suppressed() === 25)).toBe(true);
    // No directive tells of the second one: the list alone does.
    await fixture.erase(dataset, ['000003']);
    let published = 100;
    const tookEffect = async (): Promise<boolean> => {
      await fixture.publish(dataset, 0, visits(published, 20));
      published += 20;
      return suppressed() > published / 4;
    };
    expect(await fixture.until(tookEffect)).toBe(true);
    await fixture.publish(dataset, 0, visits(published, 20));
    published += 20;
    await fixture.receipts(dataset, study as string, published);
    const governed = await fixture.governed(dataset, study as string, program, published - suppressed());
    const kept = numbersWithout(published, ['000001', '000003']);
    expect(governed.map(({ number }) => number).filter((number) => idOf(number) !== '000003')).toEqual(kept);
    const lastOfThree = governed.findLastIndex(({ number }) => idOf(number) === '000003');
    expect(governed.slice(lastOfThree + 1).length).toBeGreaterThanOrEqual(10);
  });

  test('of a compacted feed is deleted under its governed key', async () => {
    const [dataset, study] = await fixture.dataset(1, 1, { compacted: true });
    const compacted = compactedProgram('tokens');
    const directive = await fixture.direct(dataset, study as string, compacted);
    await fixture.start();
    await fixture.publish(dataset, 0, [put(1, 1), put(2, 2), put(3, 3)]);
    const topic = topicNames.governed(dataset, study as string);
    await fixture.readAll(topic, (records) => records.length >= 3);
    const more = await fixture.erase(dataset, [keyOf(2)]);
    const { dataKey } = directive;
    await fixture.direct(dataset, study as string, compacted, { revision: 2, dataKey, ...more });
    // The next record of the key, whatever it holds, is what deletes.
    const deleted = async (): Promise<boolean> => {
      await fixture.publish(dataset, 0, [put(2, 20)]);
      const records = await fixture.readAll(topic, (read) => read.length >= 4);
      return records.some(({ value }) => value === null);
    };
    expect(await fixture.until(deleted)).toBe(true);
    const records = await fixture.readAll(topic, (read) => read.length >= 4);
    expect([...tableOf(compacted, records).keys()].sort()).toEqual([tokenOf(directive, 1), tokenOf(directive, 3)].sort());
  });
});

describe('a list that is not known to its end', () => {
  test('is not ready while the topic cannot be read, and knows nobody to be let through', async () => {
    const { brokers, username, password } = testKafka();
    const cluster = unwrap(await Cluster.open({ brokers, clientId: uniqueId('test'), sasl: { username, password } }));
    await cluster.close();
    const failures: Failure[] = [];
    const board = new SuppressionBoard(cluster, (failure) => failures.push(failure), 3_000);
    const { suppression } = await fixture.erase(uniqueId('visits'), ['000001']);
    const key = suppressionKey(Buffer.from(suppression.key.wrapped, 'hex'), 'visits');
    const list = board.of(key, []);
    expect(await fixture.until(() => failures.length > 0)).toBe(true);
    expect([list.ready(), list.has(Buffer.from('000009'))]).toEqual([false, true]);
    await board.stop();
  });

  test('keeps everything of its dataset back, of other datasets nothing, and lets go once it is', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    const [other, witness] = await fixture.dataset(1, 1);
    // The directive tells of two, and there is one.
    await fixture.direct(dataset, study as string, program, await fixture.erase(dataset, ['000001'], 2));
    await fixture.direct(other, witness as string, program);
    const plane = await fixture.start();
    await fixture.publish(dataset, 0, visits(0, 40));
    await fixture.publish(other, 0, visits(0, 40));
    expect(await fixture.governed(other, witness as string, program, 40)).toHaveLength(40);
    const failing = (): boolean =>
      plane.readiness().reasons.some((reason) => reason.dataset === dataset && reason.detail === 'suppressions-incomplete');
    expect(await fixture.until(failing)).toBe(true);
    expect(await fixture.governed(dataset, study as string, program, 1, 1_500)).toHaveLength(0);
    await fixture.erase(dataset, ['000002']);
    const governed = await fixture.governed(dataset, study as string, program, 20);
    expect(governed.map(({ number }) => number)).toEqual(numbersWithout(40, ['000001', '000002']));
  });

  test('keeps everything back also where the key of the dataset does not open', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    const { suppression } = await fixture.erase(dataset, ['000001']);
    const elsewhere = { ...suppression, key: { ...suppression.key, epoch: 2, wrapped: suppression.key.wrapped } };
    await fixture.direct(dataset, study as string, program, { suppression: elsewhere });
    const vault = fixture.vault;
    await fixture.start({
      vault: {
        unwrap: (key, context) =>
          context.startsWith(`dataset/${dataset}`) ? vault.unwrap(key, 'agreement/nobody') : vault.unwrap(key, context),
      },
    });
    await fixture.publish(dataset, 0, visits(0, 10));
    expect(await fixture.governed(dataset, study as string, program, 1, 2_000)).toHaveLength(0);
  });
});
