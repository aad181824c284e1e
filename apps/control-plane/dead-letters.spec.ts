/** Dead letters of webhooks, as the parties of an agreement are shown them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, makeFeed, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
let feed: Feed;
let other: Feed;

const letterOf = (agreement: string, offset: number) => ({
  key: Buffer.from(agreement),
  value: Buffer.from(
    JSON.stringify({
      agreement,
      partition: 0,
      offset: String(offset),
      status: 422,
      at: new Date().toISOString(),
      event: `{"id":"${agreement}/0/${offset}"}`,
    }),
  ),
});

beforeAll(async () => {
  fixture = await startFixture();
  [feed, other] = [await makeFeed(fixture.call), await makeFeed(fixture.call)];
  const producer = unwrap(await TransactionalProducer.open(fixture.cluster, { transactionalId: uniqueId('letters') }));
  producer.begin();
  unwrap(
    await producer.send(topicNames.deadLetters, 0, [
      letterOf(feed.agreement, 1),
      letterOf(other.agreement, 2),
      { key: null, value: Buffer.from('not a letter') },
      letterOf(feed.agreement, 3),
      letterOf(feed.agreement, 4),
    ]),
  );
  unwrap(await producer.commit());
  await producer.close();
});
afterAll(() => fixture.close());

test('are shown in pages to the parties of their agreement, and to nobody else', async () => {
  const path = `/v1/agreements/${feed.agreement}/dead-letters`;
  const first = await eventually(async () => {
    const answer = await fixture.call('GET', `${path}?limit=2`, { as: feed.subscriber });
    return answer.body.items?.length === 2 ? answer.body : null;
  });
  const rest = (await fixture.call('GET', `${path}?cursor=${first.next}`, { as: feed.publisher })).body;
  expect([...first.items, ...rest.items].map(({ offset }: { offset: string }) => offset)).toEqual(['1', '3', '4']);
  expect(rest.next).toBeNull();
  expect(first.items[0]).toMatchObject({ status: 422, partition: 0, event: { id: `${feed.agreement}/0/1` } });
  expect((await fixture.call('GET', path, { as: other.subscriber })).status).toBe(404);
});
