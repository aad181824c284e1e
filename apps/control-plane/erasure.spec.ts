/** A subject is erased over the API, with a data plane behind it: what leaves, what is kept of whom, and who has the duty to delete. */
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { LocalFileVault } from '../../libs/adapters/kms/index.ts';
import { SuppressionFeed } from '../../libs/adapters/kafka/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import { codecOf, parseSchema } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { DataPlane } from '../data-plane/start.ts';
import { startDataPlane } from '../data-plane/start.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, eventually, expectStatus, makeFeed, readAll, startFixture, visitFields } from './control-plane-fixture.ts';

let fixture: Fixture;
let database: pg.Client;
let plane: DataPlane;

beforeAll(async () => {
  fixture = await startFixture();
  database = new pg.Client({ connectionString: fixture.databaseUrl });
  await database.connect();
  const { operator, cluster } = fixture;
  plane = unwrap(
    await startDataPlane({
      kafka: cluster.options,
      vault: unwrap(await LocalFileVault.open(join(fixture.directory, 'master.key'))),
      checker: fixture.checker,
      registry: new RegistryClient({ url: `${fixture.address}/registry`, username: operator.name, password: operator.secret }),
      instance: uniqueId('plane'),
    }),
  );
});
afterAll(async () => {
  await plane.stop();
  await database.end();
  await fixture.close();
});

async function makeKeyedFeed(): Promise<Feed> {
  const feed = await makeFeed(fixture.call);
  const json = datasetBody(feed.publisher.name, { keyField: '/id' });
  expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json }), 200);
  return feed;
}

async function publish({ dataset, publisher }: Feed, ids: readonly string[]): Promise<void> {
  const text = ids.map((id) => JSON.stringify({ id, phone: '13812345678', cost: 1, day: 1, count: null })).join('\n');
  const headers = { 'content-type': 'application/x-ndjson' };
  expectStatus(await fixture.call('POST', `/v1/datasets/${dataset}/records`, { text, headers, as: publisher }), 200);
}

const erase = (feed: Feed, subject: string, as: Account = feed.publisher) =>
  fixture.call('POST', `/v1/datasets/${feed.dataset}/erasures`, { json: { subject }, as });

const tokenLength = 32;
const governedSchema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Visit',
      fields: visitFields.map((field) => (field.name === 'id' ? { name: 'id', type: 'string' } : field)),
    }),
  ),
);

/** Tokens of the governed records, in their order in each partition. */
async function tokensOf({ dataset, agreement }: Feed): Promise<string[]> {
  const records = await readAll(fixture.cluster, topicNames.governed(dataset, agreement));
  return records.map(({ value }) => {
    const decoded = unwrap(codecOf(governedSchema).decode(value?.subarray(5) ?? new Uint8Array())) as { id: string };
    return decoded.id;
  });
}

const atLeast = (feed: Feed, count: number): Promise<string[]> =>
  eventually(async () => {
    const tokens = await tokensOf(feed);
    return tokens.length >= count ? tokens : null;
  });

describe('an erasure', () => {
  test('stops the records of the subject, of nobody else, and tells who has to delete what it was given', async () => {
    const feed = await makeKeyedFeed();
    await publish(feed, ['anna', 'bert', 'anna']);
    const given = await atLeast(feed, 3);
    const anna = given.find((token) => given.filter((other) => other === token).length === 2);
    const erased = expectStatus(await erase(feed, 'anna'), 200).body;
    expect(erased).toMatchObject({ dataset: feed.dataset, isNew: true, duties: [{ agreement: feed.agreement, state: 'open' }] });
    expect(erased.caveats.join(' ')).toContain('cannot be shredded');
    // Everything that is published from the answer on meets the list or a data plane that waits for it.
    await eventually(async () => {
      await publish(feed, ['anna', 'carl']);
      return plane
        .status()
        .some(({ dataset, agreements }) => dataset === feed.dataset && (agreements.get(feed.agreement)?.suppressed ?? 0) > 0)
        ? true
        : null;
    });
    const before = (await tokensOf(feed)).length;
    await publish(feed, ['anna', 'carl', 'anna', 'carl', 'anna']);
    const tokens = await atLeast(feed, before + 2);
    expect(tokens.slice(before)).not.toContain(anna);
    // The subscriber is told by what name it knows the subject, nobody else.
    const [duty] = erased.duties;
    const path = `/v1/duties/${duty.id}`;
    const subjects = await fixture.call('GET', `${path}/subjects`, { as: feed.subscriber });
    expect(expectStatus(subjects, 200).body).toEqual({ duty: duty.id, subjects: [anna] });
    expect(anna).toHaveLength(tokenLength);
    expectStatus(await fixture.call('GET', `${path}/subjects`, { as: feed.publisher }), 403);
    expectStatus(await fixture.call('GET', `${path}/subjects`), 403);
    const listed = expectStatus(await fixture.call('GET', '/v1/duties?state=open', { as: feed.subscriber }), 200).body.items;
    expect(listed).toEqual([expect.objectContaining({ id: duty.id, agreement: feed.agreement })]);
    expectStatus(await fixture.call('POST', `${path}/prove`, { json: { evidence: 'job 17' }, as: feed.publisher }), 403);
    const proved = await fixture.call('POST', `${path}/prove`, { json: { evidence: 'job 17' }, as: feed.subscriber });
    expect(expectStatus(proved, 200).body).toMatchObject({ state: 'proved', evidence: 'job 17', provedBy: feed.subscriber.name });
    expectStatus(await fixture.call('POST', `${path}/prove`, { json: { evidence: 'job 17' }, as: feed.subscriber }), 200);
    expectStatus(await fixture.call('POST', `${path}/prove`, { json: { evidence: 'job 18' }, as: feed.subscriber }), 409);
    expectStatus(await fixture.call('GET', `${path}/subjects`, { as: feed.subscriber }), 409);
    expect((await database.query('SELECT subjects FROM duty WHERE id = $1', [duty.id])).rows).toEqual([{ subjects: null }]);
  });

  test('is once for a subject, known by a digest alone: no table, topic, answer or log has the subject', async () => {
    const feed = await makeKeyedFeed();
    const subject = 'canary-of-a-person';
    const first = expectStatus(await erase(feed, subject), 200).body;
    const again = expectStatus(await erase(feed, subject), 200).body;
    expect(again).toEqual({ ...first, isNew: false });
    const { rows } = await database.query('SELECT digest, published FROM suppression WHERE dataset = $1', [feed.dataset]);
    expect(rows).toEqual([{ digest: expect.stringMatching(/^[\w-]{22}$/), published: true }]);
    const { feed: topic, known } = unwrap(await SuppressionFeed.open(fixture.cluster));
    await topic.close();
    expect(known.filter(({ dataset }) => dataset === feed.dataset)).toEqual([{ dataset: feed.dataset, digest: rows[0]?.digest }]);
    const other = await makeKeyedFeed();
    expectStatus(await erase(other, subject), 200);
    const digests = await database.query('SELECT DISTINCT digest FROM suppression WHERE dataset = ANY ($1)', [
      [feed.dataset, other.dataset],
    ]);
    expect(digests.rows).toHaveLength(2);
    const texts = [fixture.logged(), JSON.stringify([first, again])];
    const tables = await database.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
    for (const { name } of tables.rows)
      texts.push(JSON.stringify((await database.query(`SELECT row_to_json(one)::text FROM "${name}" AS one`)).rows));
    for (const record of await readAll(fixture.cluster, topicNames.directives))
      texts.push(Buffer.from(record.value ?? []).toString());
    expect(texts.join('')).not.toContain(subject);
    const audited = expectStatus(await fixture.call('GET', '/v1/audit?limit=200'), 200).body.items;
    expect(audited.filter(({ route }: { route: string }) => route === 'eraseSubject').length).toBeGreaterThanOrEqual(3);
  });

  test('holds for agreements that are made later, which have no duty', async () => {
    const feed = await makeKeyedFeed();
    expectStatus(await erase(feed, 'anna'), 200);
    const later = { ...feed, agreement: uniqueId('later') };
    const policy = { ...feed.policy, uid: later.agreement };
    expectStatus(
      await fixture.call('PUT', `/v1/agreements/${later.agreement}`, { json: { policy, delivery: { kind: 'kafka' } } }),
      200,
    );
    await publish(feed, ['anna', 'bert', 'anna', 'carl']);
    expect(await atLeast(later, 2)).toHaveLength(2);
    const duties = expectStatus(await fixture.call('GET', `/v1/duties?agreement=${later.agreement}`), 200).body.items;
    expect(duties).toEqual([]);
  });

  test('takes a dataset with a key field, which may not change after it, and its publisher', async () => {
    const feed = await makeFeed(fixture.call);
    expectStatus(await erase(feed, 'anna'), 409);
    const keyed = await makeKeyedFeed();
    expectStatus(await erase(keyed, 'anna', keyed.subscriber), 403);
    expectStatus(await fixture.call('POST', `/v1/datasets/${keyed.dataset}/erasures`, { json: { subject: '' } }), 400);
    expectStatus(await erase(keyed, 'anna'), 200);
    const json = datasetBody(keyed.publisher.name, { keyField: '/phone' });
    expectStatus(await fixture.call('PUT', `/v1/datasets/${keyed.dataset}`, { json }), 409);
  });

  test('that a crash left between database and topic is made known by the next start', async () => {
    const feed = await makeKeyedFeed();
    expectStatus(await erase(feed, 'anna'), 200);
    await database.query('INSERT INTO suppression VALUES ($1, $2, $3, now(), false)', [
      feed.dataset,
      'B'.repeat(22),
      uniqueId('erasure'),
    ]);
    await fixture.addInstance();
    const { feed: topic, known } = unwrap(await SuppressionFeed.open(fixture.cluster));
    await topic.close();
    expect(known.filter(({ dataset }) => dataset === feed.dataset)).toHaveLength(2);
  });
});
