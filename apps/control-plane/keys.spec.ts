/** Data keys over the API: rotated, wrapped anew, shredded; and what a caller is told before. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { LocalFileVault, rotateMasterKey } from '../../libs/adapters/kms/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Directive, WrappedKey } from '../../libs/catalog/index.ts';
import { dataKeyContext, parseDirective } from '../../libs/catalog/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, expectStatus, makeFeed, readAll, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
let database: pg.Client;

beforeAll(async () => {
  fixture = await startFixture();
  database = new pg.Client({ connectionString: fixture.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await fixture.close();
});

/** The newest directive of an agreement. */
async function directiveOf(agreement: string): Promise<Directive> {
  const records = await readAll(fixture.cluster, topicNames.directives);
  const last = records.findLast(({ key }) => Buffer.from(key ?? []).toString() === agreement);
  return unwrap(parseDirective(Buffer.from(last?.value ?? []).toString()));
}

const masterKeyFile = (): string => join(fixture.directory, 'master.key');
const vault = async () => unwrap(await LocalFileVault.open(masterKeyFile()));

async function open(key: WrappedKey | null, agreement: string): Promise<string> {
  if (key === null) throw new Error('there is no key');
  const context = dataKeyContext({ kind: 'agreement', id: agreement }, key.epoch);
  return Buffer.from(unwrap(await (await vault()).unwrap(key, context))).toString('hex');
}

const post = (path: string, more: Parameters<Fixture['call']>[2] = {}) => fixture.call('POST', path, more);
const terminated = async ({ agreement, publisher }: Feed) =>
  expectStatus(await post(`/v1/agreements/${agreement}/terminate`, { as: publisher }), 200);

/** Everything that PostgreSQL has of something, as text. */
async function stored(needle: string): Promise<string> {
  const tables = await database.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
  const found: string[] = [];
  for (const { name } of tables.rows) {
    const rows = await database.query<{ text: string }>(`SELECT row_to_json(one)::text AS text FROM "${name}" AS one`);
    found.push(...rows.rows.map(({ text }) => text).filter((text) => text.includes(needle)));
  }
  return found.join('\n');
}

describe('a rotation', () => {
  test('makes the next epoch under a key of its own, and says which fields stop joining', async () => {
    const feed = await makeFeed(fixture.call);
    const before = await directiveOf(feed.agreement);
    const rotated = expectStatus(await post(`/v1/agreements/${feed.agreement}/keys/rotate`, { as: feed.publisher }), 200).body;
    expect(rotated).toEqual({
      agreement: feed.agreement,
      epoch: 2,
      revision: before.revision + 1,
      fields: [{ field: '/id', stage: 'pseudonymize', effect: expect.stringContaining('joins with records of before break') }],
    });
    const after = await directiveOf(feed.agreement);
    expect(after).toMatchObject({ revision: rotated.revision, dataKey: { epoch: 2 } });
    expect(await open(after.dataKey, feed.agreement)).not.toBe(await open(before.dataKey, feed.agreement));
    // The earlier key opens as its own epoch alone.
    const swapped = await (await vault()).unwrap({ ...(after.dataKey as WrappedKey), epoch: 1 }, `agreement/${feed.agreement}`);
    expect(swapped.ok).toBe(false);
    const keys = expectStatus(
      await fixture.call('GET', `/v1/agreements/${feed.agreement}/keys`, { as: feed.subscriber }),
      200,
    ).body;
    expect(keys.items.map(({ epoch, state }: { epoch: number; state: string }) => [epoch, state])).toEqual([
      [1, 'retired'],
      [2, 'active'],
    ]);
    const explained = expectStatus(await fixture.call('GET', `/v1/agreements/${feed.agreement}/explain`), 200).body;
    expect(explained.keys).toEqual({ epoch: 2, rotation: rotated.fields });
  });

  test('is for the assigner, and for an agreement under which something is governed', async () => {
    const feed = await makeFeed(fixture.call);
    expectStatus(await post(`/v1/agreements/${feed.agreement}/keys/rotate`, { as: feed.subscriber }), 403);
    await terminated(feed);
    expectStatus(await post(`/v1/agreements/${feed.agreement}/keys/rotate`), 409);
  });

  test('of a compacted topic whose keys would change is refused, unless it is wanted', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const dataset = uniqueId('compacted');
    const body = datasetBody(feed.publisher.name, { compacted: true, keyField: '/id' });
    expectStatus(await fixture.call('PUT', `/v1/datasets/${dataset}`, { json: body }), 200);
    const [permission] = feed.policy['permission'] as { duty: { stages: unknown[] }[] }[];
    const [duty] = permission?.duty ?? [];
    const agreements = { tokens: { repeats: '/id' }, kept: 'keep' };
    const ids: Record<string, string> = {};
    for (const [name, key] of Object.entries(agreements)) {
      const id = (ids[name] = uniqueId(name));
      const policy = {
        ...feed.policy,
        uid: id,
        permission: [{ ...permission, target: dataset, duty: [{ ...duty, channels: { key } }] }],
      };
      expectStatus(await fixture.call('PUT', `/v1/agreements/${id}`, { json: { policy, delivery: { kind: 'kafka' } } }), 200);
    }
    const refused = expectStatus(await post(`/v1/agreements/${ids['tokens']}/keys/rotate`), 409);
    expect(refused.body.detail).toContain('breaksCompaction');
    expectStatus(await post(`/v1/agreements/${ids['tokens']}/keys/rotate?breaksCompaction=true`), 200);
    expectStatus(await post(`/v1/agreements/${ids['kept']}/keys/rotate`), 200);
  });
});

describe('wrapping anew', () => {
  test('puts everything under the newest master key, a portion a call, and tells the data plane; again it does nothing', async () => {
    const feed = await makeFeed(fixture.call);
    const webhook = await makeFeed(fixture.call);
    const delivery = { kind: 'webhook', url: 'https://lab.example/in', secret: `whsec_${'A'.repeat(32)}`, batchRecordsMax: 10 };
    expectStatus(
      await fixture.call('PUT', `/v1/agreements/${webhook.agreement}`, { json: { policy: webhook.policy, delivery } }),
      200,
    );
    const before = await directiveOf(feed.agreement);
    const key = await open(before.dataKey, feed.agreement);
    unwrap(await rotateMasterKey(masterKeyFile()));
    const newest = unwrap(await (await vault()).newestKeyId());
    let [dataKeys, deliveries, calls] = [0, 0, 0];
    for (let more = true; more; calls += 1) {
      const done = expectStatus(await post('/v1/keys/rewrap?most=3'), 200).body;
      expect(done).toMatchObject({ keyId: newest, failed: [] });
      expect(done.dataKeys + done.deliveries + done.duties).toBeLessThanOrEqual(3);
      dataKeys += done.dataKeys;
      deliveries += done.deliveries;
      more = done.more;
    }
    expect(calls).toBeGreaterThan(1);
    expect(deliveries).toBe(1);
    const { rows } = await database.query<{ count: string }>('SELECT count(*) FROM data_key WHERE wrapped IS NOT NULL');
    expect(dataKeys).toBe(Number(rows[0]?.count));
    const after = await directiveOf(feed.agreement);
    expect(after.dataKey).toMatchObject({ keyId: newest, epoch: 1 });
    expect(await open(after.dataKey, feed.agreement)).toBe(key);
    expect((await directiveOf(webhook.agreement)).delivery).toMatchObject({ secret: { keyId: newest } });
    const again = expectStatus(await post('/v1/keys/rewrap'), 200).body;
    expect(again).toEqual({ keyId: newest, dataKeys: 0, deliveries: 0, duties: 0, failed: [], more: false });
    expect((await directiveOf(feed.agreement)).revision).toBe(after.revision);
  });

  test('names what does not open, leaves it as it is, and goes on with the others', async () => {
    const feed = await makeFeed(fixture.call);
    const stray = { keyId: 'of-nobody', epoch: 1, wrapped: 'AAAA' };
    await database.query("UPDATE data_key SET wrapped = $1 WHERE owner_kind = 'agreement' AND owner = $2", [
      stray,
      feed.agreement,
    ]);
    const done = expectStatus(await post('/v1/keys/rewrap'), 200).body;
    expect(done).toMatchObject({ failed: [`data-key/agreement/${feed.agreement}/1`], more: false });
    expectStatus(await post('/v1/keys/rewrap', { as: feed.publisher }), 403);
    await database.query('DELETE FROM data_key WHERE owner = $1', [feed.agreement]);
  });
});

describe('shredding', () => {
  const radiusOf = async (path: string) => expectStatus(await fixture.call('GET', path), 200).body;

  test('shows what it destroys, and destroys that alone, of an agreement that is over', async () => {
    const feed = await makeFeed(fixture.call);
    const path = `/v1/agreements/${feed.agreement}/keys/shred`;
    expectStatus(await post(`/v1/agreements/${feed.agreement}/keys/rotate`), 200);
    const live = await radiusOf(path);
    expect(live.blockedBy).toEqual([expect.stringContaining('terminate it first')]);
    const early = { confirm: feed.agreement, digest: live.digest };
    expectStatus(await post(path, { json: early, as: feed.publisher }), 409);
    const carried = [await directiveOf(feed.agreement)].map(({ dataKey }) => dataKey?.wrapped ?? '');
    await terminated(feed);
    // The state is part of what was shown.
    expectStatus(await post(path, { json: early, as: feed.publisher }), 412);
    const shown = await radiusOf(path);
    expect(shown).toMatchObject({
      blockedBy: [],
      radius: {
        owner: { kind: 'agreement', id: feed.agreement },
        agreements: [
          { id: feed.agreement, state: 'terminated', epochs: [1, 2], fields: [{ field: '/id', stage: 'pseudonymize' }] },
        ],
      },
    });
    expect(shown.radius.caveats.join(' ')).toMatch(/backups.*about an hour/s);
    const json = { confirm: feed.agreement, digest: shown.digest };
    expectStatus(await post(path, { json: { ...json, confirm: feed.dataset }, as: feed.publisher }), 400);
    expectStatus(await post(path, { json, as: feed.subscriber }), 403);
    expectStatus(await post(path, { json, as: feed.publisher }), 200);
    expect(await directiveOf(feed.agreement)).toMatchObject({ state: 'terminated', dataKey: null });
    for (const wrapped of carried) expect(await stored(wrapped)).toBe('');
    const { rows } = await database.query('SELECT state, wrapped FROM data_key WHERE owner = $1', [feed.agreement]);
    expect(rows).toEqual([
      { state: 'shredded', wrapped: null },
      { state: 'shredded', wrapped: null },
    ]);
    const after = await radiusOf(path);
    expect(after.blockedBy).toEqual(['there is no key left']);
    expectStatus(await post(path, { json: { confirm: feed.agreement, digest: after.digest } }), 409);
    const audited = expectStatus(await fixture.call('GET', '/v1/audit?limit=200'), 200).body.items;
    expect(audited.filter(({ route }: { route: string }) => route === 'shredAgreementKey').length).toBeGreaterThanOrEqual(4);
    expect(await stored('sluice.key.shredded.v1')).toContain(feed.agreement);
  });

  test('of a dataset takes all its agreements, once all are over, and no agreement is made on it any more', async () => {
    const feed = await makeFeed(fixture.call);
    const path = `/v1/datasets/${feed.dataset}/keys/shred`;
    expect((await radiusOf(path)).blockedBy).toHaveLength(1);
    await terminated(feed);
    const { digest } = await radiusOf(path);
    expectStatus(await post(path, { json: { confirm: feed.dataset, digest }, as: feed.publisher }), 200);
    expect((await directiveOf(feed.agreement)).dataKey).toBeNull();
    const { rows } = await database.query('SELECT DISTINCT state FROM data_key WHERE owner = ANY ($1)', [
      [feed.dataset, feed.agreement],
    ]);
    expect(rows).toEqual([{ state: 'shredded' }]);
    const id = uniqueId('late');
    const policy = { ...feed.policy, uid: id };
    const late = await fixture.call('PUT', `/v1/agreements/${id}`, { json: { policy, delivery: { kind: 'kafka' } } });
    expect(late).toMatchObject({ status: 409, body: { code: 'key-destroyed' } });
    // The dataset itself can still be described.
    expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: datasetBody(feed.publisher.name) }), 200);
  });

  test('of a completed agreement ends it for good: it cannot be renewed', async () => {
    const feed = await makeFeed(fixture.call);
    await database.query("UPDATE agreement SET state = 'completed', expires_at = now(), revision = revision + 1 WHERE id = $1", [
      feed.agreement,
    ]);
    const path = `/v1/agreements/${feed.agreement}/keys/shred`;
    const { digest } = await radiusOf(path);
    expectStatus(await post(path, { json: { confirm: feed.agreement, digest } }), 200);
    const until = new Date(Date.now() + 86_400_000).toISOString();
    expectStatus(await post(`/v1/agreements/${feed.agreement}/renew`, { json: { until } }), 409);
  });
});

test('directives that were replaced stay for an hour at most, also on a topic that was made without saying so', async () => {
  const admin = new KafkaAdmin(fixture.cluster);
  const setting = async () => unwrap(await admin.topicConfig(topicNames.directives, 'max.compaction.lag.ms'));
  expect(await setting()).toBe('3600000');
  unwrap(await admin.setTopicConfig(topicNames.directives, 'max.compaction.lag.ms', '7200000'));
  await fixture.addInstance();
  expect(await setting()).toBe('3600000');
});

test('no answer and no log line holds a wrapped key or a master key', async () => {
  const feed = await makeFeed(fixture.call);
  const { dataKey } = await directiveOf(feed.agreement);
  const master = await readFile(masterKeyFile());
  const answers: string[] = [];
  for (const path of ['', '/keys', '/explain', '/keys/shred'])
    answers.push(JSON.stringify((await fixture.call('GET', `/v1/agreements/${feed.agreement}${path}`)).body));
  answers.push(JSON.stringify((await fixture.call('GET', '/v1/events')).body), fixture.logged());
  for (const secret of [dataKey?.wrapped ?? '', master.toString('base64'), master.subarray(0, 32).toString('hex')])
    expect(answers.join('')).not.toContain(secret);
});
