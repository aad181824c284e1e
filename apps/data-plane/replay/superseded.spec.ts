/** Redrives of a compacted feed on a real broker: what was overtaken stays so, whenever it was, and the rest reaches its key. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FeedProducer, OutRecord, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import { ok, topicNames, unwrap } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import { compactedProgram, digestsOf, put, tableOf, tokenOf } from '../compacted-fixture.ts';
import { visit } from '../plane-fixture.ts';
import type { Feed } from './replay-fixture.ts';
import { ReplayFixture } from './replay-fixture.ts';

const strict = compactedProgram('tokens');
/** It takes any phone, and withholds what the other one does not. */
const lenient = compactedProgram('tokens', { lenient: true, where: 'number != 40' });
let fixture: ReplayFixture;

beforeAll(async () => {
  fixture = await ReplayFixture.open();
  await fixture.plane.start();
}, 60_000);

afterAll(async () => {
  await fixture?.plane.close();
}, 60_000);

/** Refused for its phone by the strict Program alone. */
const refused = (id: number, number: number): OutRecord => put(id, number, 'no phone');

/** A compacted feed with these records under the strict Program, once so many of them are in the quarantine; it has the lenient one then. */
async function begun(records: readonly OutRecord[], refusals: number): Promise<Feed & { readonly directive: Directive }> {
  const { plane, keys } = fixture;
  const [dataset, agreement] = (await plane.dataset(1, 1, { compacted: true })) as [string, string];
  const directive = await plane.direct(dataset, agreement, strict, { sealTo: keys.sealTo });
  await plane.publish(dataset, 0, records);
  await fixture.quarantined(dataset, refusals);
  const { dataKey } = directive;
  await fixture.improve({ dataset, agreement }, { dataKey }, lenient);
  return { dataset, agreement, directive };
}

const topicOf = async ({ dataset, agreement }: Feed, count: number): Promise<ReadRecord[]> => {
  const topic = topicNames.governed(dataset, agreement);
  await fixture.plane.readAll(topic, (records) => records.length >= count);
  return fixture.plane.readAll(topic, (records) => records.length > count, 1_000);
};

const outcomesOf = (lines: readonly { offset: string; outcome: string; why: string | null }[]): [string, string][] =>
  lines.map(({ offset, outcome, why }) => [offset, why === null ? outcome : `${outcome}: ${why}`]);

test('a record with a newer one of its key is not redriven, whatever became of that one; the others reach their keys', async () => {
  const feed = await begun(
    [
      put(4, 4),
      refused(1, 10),
      refused(2, 20),
      refused(3, 30),
      refused(4, 40),
      put(1, 11),
      put(2, null),
      refused(3, 31),
      { key: null, value: visit(5) },
    ],
    6,
  );
  const preview = await fixture.run(feed, { run: false });
  expect(unwrap(preview.ended)).toMatchObject({
    selected: 6,
    skipped: 3,
    refused: 1,
    delivered: 1,
    withheld: 1,
    preview: { newerKeys: { records: 0 } },
  });
  const { lines, ended } = await fixture.run(feed);
  expect(outcomesOf(lines).sort(([one], [other]) => Number(one) - Number(other))).toEqual([
    ['1', 'skipped: superseded'],
    ['2', 'skipped: superseded'],
    ['3', 'skipped: superseded'],
    ['4', 'withheld'],
    ['7', 'delivered'],
    ['8', 'refused: key-unfit'],
  ]);
  expect(unwrap(ended)).toMatchObject({ delivered: 1, withheld: 1, refused: 1, skipped: 3 });
  const token = (id: number): string => tokenOf(feed.directive, id);
  const records = await topicOf(feed, 5);
  // The key of the row that is withheld now had a value.
  expect(tableOf(lenient, records)).toEqual(
    new Map([
      [token(1), 11],
      [token(3), 31],
    ]),
  );
  const receipts = (await fixture.receipts(feed)).map(({ receipt }) => receipt);
  expect(receipts.map(({ governedDigest }) => Buffer.from(governedDigest).toString('hex'))).toEqual(
    digestsOf(receipts, records.slice(3)),
  );
  expect(outcomesOf((await fixture.run(feed)).lines).filter(([, outcome]) => outcome.startsWith('delivered'))).toEqual([]);
  expect(await topicOf(feed, 5)).toHaveLength(5);
}, 90_000);

test('a record that is overtaken while it is redriven is taken back, and what is redriven with it is not', async () => {
  const feed = await begun([refused(1, 10), refused(2, 20)], 2);
  const token = (id: number): string => tokenOf(feed.directive, id);
  let aborted = 0;
  const { lines, ended } = await fixture.run(feed, {
    config: {
      openProducer: async (cluster, transactionalId) => {
        const opened = await TransactionalProducer.open(cluster, { transactionalId });
        if (!opened.ok) return opened;
        const producer = opened.value;
        const held: Parameters<FeedProducer['enqueue']>[] = [];
        const overtaking = {
          enqueue: (...batch: Parameters<FeedProducer['enqueue']>) => void held.push(batch),
          // What is newer is published and delivered when the redrive has decided, and before anything of it is written.
          flush: async () => {
            if (aborted === 0) {
              await fixture.plane.publish(feed.dataset, 0, [put(1, 11)]);
              await topicOf(feed, 1);
            }
            for (const batch of held.splice(0)) producer.enqueue(...batch);
            return producer.flush();
          },
          abort: async () => {
            aborted += 1;
            return producer.abort();
          },
        };
        return ok(
          new Proxy<FeedProducer>(producer, {
            get: (target, name) => {
              if (name in overtaking) return overtaking[name as keyof typeof overtaking];
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === 'function' ? (value.bind(target) as unknown) : value;
            },
          }),
        );
      },
    },
  });
  expect(unwrap(ended)).toMatchObject({ delivered: 1, skipped: 1 });
  expect(aborted).toBe(1);
  expect(outcomesOf(lines)).toEqual([
    ['0', 'skipped: superseded'],
    ['1', 'delivered'],
  ]);
  expect(tableOf(lenient, await topicOf(feed, 2))).toEqual(
    new Map([
      [token(1), 11],
      [token(2), 20],
    ]),
  );
}, 90_000);

test('an original that the raw topic does not have any more is superseded: what overtook it may be gone too', async () => {
  const feed = await begun([refused(1, 10), put(1, 11), put(1, null), refused(2, 20)], 2);
  await topicOf(feed, 2);
  await fixture.plane.truncate(feed.dataset, 0, 3n);
  const { keys } = fixture;
  const { lines } = await fixture.run(feed, { privateKey: keys.privateKey });
  expect(outcomesOf(lines)).toEqual([
    ['0', 'skipped: superseded'],
    ['3', 'delivered'],
  ]);
  expect(tableOf(lenient, await topicOf(feed, 3))).toEqual(new Map([[tokenOf(feed.directive, 2), 20]]));
}, 90_000);
