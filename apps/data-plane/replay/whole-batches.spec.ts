/** Batches that were refused as a whole, on a real broker: what can be read now is redriven record by record, and nothing else. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PartitionFetcher, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import { chainStart, encodeReceipt, importSealKey } from '../../../libs/ledger/index.ts';
import { readBatches } from '../../../libs/records/index.ts';
import { uniqueId } from '../../../libs/testkit/index.ts';
import type { DatasetBoard } from '../directive-board.ts';
import { programOf, visit } from '../plane-fixture.ts';
import { sealEntries } from '../seal-entries.ts';
import { TransactionDraft } from '../transaction-draft.ts';
import type { Feed } from './replay-fixture.ts';
import { ReplayFixture } from './replay-fixture.ts';

let fixture: ReplayFixture;

beforeAll(async () => {
  fixture = await ReplayFixture.open();
}, 60_000);

afterAll(async () => {
  await fixture?.plane.close();
}, 60_000);

/**
 * A feed whose first batch of three, of which the second is no record, was refused as one while it could not be read. `laterMs`: how much newer that
 * batch was than the one that the topic has.
 */
async function refusedWhole(laterMs = 0n): Promise<Feed> {
  const { plane, keys } = fixture;
  const [dataset, agreement] = (await plane.dataset(1, 1)) as [string, string];
  await plane.direct(dataset, agreement, programOf('no keys'), { sealTo: keys.sealTo });
  await plane.publish(dataset, 0, [visit(0), Buffer.from('no frame'), visit(2)]);
  const draft = new TransactionDraft(dataset);
  const fetcher = new PartitionFetcher(plane.cluster, topicNames.raw(dataset));
  const fetched = unwrap(
    await fetcher.fetch(new Map([[0, 0n]]), { maxWaitMs: 5_000, maxBytes: 65_536, partitionMaxBytes: 65_536 }),
  );
  readBatches(fetched.partitions[0]?.records ?? new Uint8Array(), (batch) => {
    const value = batch.maxTimestampMs + laterMs;
    if (!batch.control) draft.refuseBatch([], 0, Object.defineProperty(batch, 'maxTimestampMs', { value }));
  });
  fetched.release();
  fetcher.close();
  const sealTo = unwrap(await importSealKey(keys.sealTo));
  const entries = await sealEntries(draft, { sealTo } as DatasetBoard, topicNames.raw(dataset));
  const receipt = encodeReceipt({
    agreement,
    dataset,
    partition: 0,
    kind: 'governed',
    apart: false,
    previous: chainStart,
    directiveRevision: 1n,
    programHashes: [],
    inputFrom: 0n,
    inputTo: 2n,
    inputCount: 3n,
    passCount: 0n,
    reshapeCount: 0n,
    withholdCount: 0n,
    refuseCount: 3n,
    refusals: { 'batch-corrupt': 3n },
    otherwise: {},
    inputTimestampMsMax: 0n,
    governedDigest: new Uint8Array(32),
    issuedAtMs: BigInt(Date.now()),
    keyEpoch: 1,
    suppressCount: 0n,
  });
  const producer = unwrap(await TransactionalProducer.open(plane.cluster, { transactionalId: uniqueId('whole') }));
  producer.begin();
  for (const { record } of entries) unwrap(await producer.send(topicNames.quarantine(dataset), 0, [record]));
  unwrap(await producer.send(topicNames.receipts, 0, [{ key: Buffer.from(`${agreement}/0`), value: receipt }]));
  unwrap(await producer.commit());
  await producer.close();
  return { dataset, agreement };
}

test('a batch that can be read now is redriven record by record, once, and what is refused of it stands for itself', async () => {
  const feed = await refusedWhole();
  const preview = unwrap((await fixture.run(feed, { run: false })).ended);
  expect(preview.preview?.rows).toEqual([
    { reason: 'batch-corrupt', field: null, records: 3, delivered: 2, withheld: 0, refused: 1, skipped: {} },
  ]);
  const { lines, ended } = await fixture.run(feed);
  expect(unwrap(ended)).toMatchObject({ selected: 3, delivered: 2, refused: 1, skipped: 0 });
  expect(lines.map(({ offset, outcome, why }) => [offset, outcome, why])).toEqual([
    ['0', 'delivered', null],
    ['1', 'refused', 'frame-invalid'],
    ['2', 'delivered', null],
  ]);
  expect(await fixture.numbers(feed, 2)).toEqual([0, 2]);
  const [{ receipt } = { receipt: undefined }] = await fixture.receipts(feed);
  expect(receipt).toMatchObject({ inputFrom: 0n, inputTo: 2n, inputCount: 3n, reshapeCount: 2n, refuseCount: 1n });
  const again = await fixture.run(feed);
  expect(again.lines.map(({ offset, why }) => [offset, why]).sort(([one], [other]) => Number(one) - Number(other))).toEqual([
    ['0', 'already-delivered'],
    ['1', 'unchanged'],
    ['2', 'already-delivered'],
  ]);
  expect(await fixture.numbers(feed, 2)).toEqual([0, 2]);
}, 60_000);

test('a batch that is another one, or that the topic does not have any more, is not', async () => {
  const [other, gone] = [await refusedWhole(1n), await refusedWhole()];
  await fixture.plane.truncate(gone.dataset, 0, 3n);
  for (const feed of [other, gone]) {
    const { lines } = await fixture.run(feed, { privateKey: fixture.keys.privateKey });
    expect(lines).toEqual([{ partition: 0, offset: '0', outcome: 'skipped', why: 'whole-batch' }]);
    expect(await fixture.numbers(feed, 0)).toEqual([]);
  }
}, 60_000);
