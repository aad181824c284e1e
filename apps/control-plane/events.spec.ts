/** Lifecycle events: written with the change, sent in order by whichever instance, stored once by whoever takes them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudEvent } from './events/cloud-event.ts';
import { cloudEvent } from './events/cloud-event.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, makeFeed, readAll, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
const feeds: Feed[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  await fixture.addInstance();
  for (let count = 0; count < 3; count += 1) feeds.push(await makeFeed(fixture.call));
});
afterAll(() => fixture.close());

/** What our events are about: other specs use the same database and topic. */
const subjects = (): string[] => feeds.flatMap(({ agreement, dataset }) => [agreement, dataset]);

/** Ours, in the order of the topic, repeats included. */
const inTopic = async (): Promise<CloudEvent[]> => {
  const ours = new Set(subjects());
  const records = await readAll(fixture.cluster, topicNames.events);
  return records
    .map(({ value }) => cloudEvent.parse(JSON.parse(Buffer.from(value ?? new Uint8Array()).toString('utf8'))))
    .filter(({ subject }) => ours.has(subject));
};

const allSent = () =>
  eventually(async () => ((await fixture.query('SELECT id FROM event_log WHERE NOT sent')).length === 0 ? true : null));

describe('lifecycle events', () => {
  test('of one thing are in the topic in the order of its changes, whichever of two instances made and sent them', async () => {
    const changes = ['suspend', 'resume', 'suspend', 'resume', 'suspend', 'resume'];
    await Promise.all(
      feeds.map(async ({ agreement }) => {
        for (const [index, change] of changes.entries())
          await fixture.call('POST', `/v1/agreements/${agreement}/${change}`, { instance: index % 2 });
      }),
    );
    await allSent();
    const events = await inTopic();
    for (const { agreement } of feeds) {
      const mine = events.filter(({ subject }) => subject === agreement);
      const once = mine.filter((event, index) => mine.findIndex(({ id }) => id === event.id) === index);
      expect(once.map(({ type }) => type)).toEqual(
        ['started', 'suspended', 'resumed', 'suspended', 'resumed', 'suspended', 'resumed'].map(
          (what) => `sluice.agreement.${what}.v1`,
        ),
      );
      const sequences = once.map(({ sequence }) => sequence ?? '');
      expect(sequences).toEqual(sequences.toSorted());
      expect(
        once.map(({ data }) => (data as { revision: number }).revision).every((revision, index) => revision === index + 1),
      ).toBe(true);
    }
  });

  test('that were sent and not noted are sent again and stored once', async () => {
    const stored = async () =>
      (await fixture.query('SELECT count(*)::int AS count FROM event_log WHERE subject = ANY($1)', [subjects()]))[0]?.['count'];
    const before = (await inTopic()).length;
    const [{ count } = { count: 0 }] = (await fixture.query('SELECT count(*)::int AS count FROM event_log WHERE subject = $1', [
      feeds[0]?.agreement,
    ])) as { count: number }[];
    const kept = await stored();
    await fixture.query('UPDATE event_log SET sent = false WHERE subject = $1', [feeds[0]?.agreement]);
    await fixture.call('POST', `/v1/agreements/${feeds[1]?.agreement}/suspend`);
    await allSent();
    expect((await inTopic()).length).toBe(before + count + 1);
    expect(await stored()).toBe((kept as number) + 1);
  });

  test('are listed newest first, by subject and type, in pages', async () => {
    const { body } = await fixture.call('GET', `/v1/events?subject=${feeds[0]?.agreement}&limit=2`);
    expect(body.items.map(({ type }: { type: string }) => type)).toEqual([
      'sluice.agreement.resumed.v1',
      'sluice.agreement.suspended.v1',
    ]);
    const next = await fixture.call(
      'GET',
      `/v1/events?subject=${feeds[0]?.agreement}&type=sluice.agreement.started.v1&cursor=${body.next}`,
    );
    expect(next.body.items).toHaveLength(1);
    expect(next.body.next).toBeNull();
  });
});

describe('the AsyncAPI document', () => {
  const document = JSON.parse(readFileSync(join(repositoryRoot(), 'proto-schemas', 'asyncapi', 'sluice.json'), 'utf8')) as {
    asyncapi: string;
    channels: Record<string, { address: string; parameters?: Record<string, unknown> }>;
  };

  test('has every topic by its name, describes each parameter, and refers to nothing that is not there', async () => {
    expect(document.asyncapi).toBe('3.0.0');
    expect(Object.keys(document.channels).toSorted()).toEqual(Object.keys(topicNames).toSorted());
    for (const { address, parameters = {} } of Object.values(document.channels))
      expect([...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)).toEqual(Object.keys(parameters));
    for (const [, pointer] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = (pointer as string).split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document);
      expect(found).toBeDefined();
    }
    expect((await fixture.call('GET', '/v1/asyncapi.json')).body).toEqual(document);
  });
});
