/** Participants, accounts, datasets and agreements over HTTP, on real PostgreSQL and Kafka. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Fixture } from './control-plane-fixture.ts';
import {
  datasetBody,
  eventually,
  expectStatus,
  makeFeed,
  startFixture,
  visitFields,
  visitSchema,
} from './control-plane-fixture.ts';

const webhookSecret = `whsec_${Buffer.alloc(32, 0x5a).toString('base64')}`;
const webhook = { kind: 'webhook', url: 'https://platform.test/batches', secret: webhookSecret, batchRecordsMax: 100 };
const mirror = {
  kind: 'mirror',
  brokers: ['region.test:9092'],
  topic: 'inbox',
  username: 'sluice',
  password: 'mirror-password-canary',
};

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(async () => {
  await fixture.close();
});

async function published(agreement: string): Promise<Directive | undefined> {
  const feed = unwrap(await DirectiveFeed.open(fixture.cluster, fixture.checker));
  const directive = feed.current().get(agreement);
  await feed.close();
  return directive;
}

/** A commit is durable a little before readers see it. */
const directiveOf = (agreement: string, revision = 1): Promise<Directive> =>
  eventually(async () => {
    const directive = await published(agreement);
    return directive !== undefined && directive.revision >= revision ? directive : null;
  });

describe('an agreement', () => {
  test('is published with a Program for each writer schema, its own wrapped key and the seal key of the publisher', async () => {
    const feed = await makeFeed(fixture.call);
    const directive = await directiveOf(feed.agreement);
    expect(directive).toMatchObject({ revision: 1, state: 'started', dataset: feed.dataset, delivery: { kind: 'kafka' } });
    expect(directive.programs).toHaveLength(1);
    expect(directive.programs[0]?.governedSchema).not.toContain('"name":"Visit","fields":[{"name":"id","type":"int"}');
    expect(directive.dataKey?.wrapped.length).toBeGreaterThan(40);
  });

  test('keeps its revision when it is put again unchanged, and gets the next when anything changes', async () => {
    const feed = await makeFeed(fixture.call);
    const put = (delivery: object) =>
      fixture.call('PUT', `/v1/agreements/${feed.agreement}`, { json: { policy: feed.policy, delivery } });
    const key = (await directiveOf(feed.agreement)).dataKey;
    expect((await put({ kind: 'kafka' })).body.revision).toBe(1);
    expect((await put(webhook)).body.revision).toBe(2);
    expect((await put(webhook)).body.revision).toBe(2);
    expect((await put(mirror)).body.revision).toBe(3);
    expect((await put({ ...mirror, password: 'another' })).body.revision).toBe(4);
    expect(await directiveOf(feed.agreement, 4)).toMatchObject({ revision: 4, dataKey: key });
  });

  test('may be put as the text of its YAML file', async () => {
    const feed = await makeFeed(fixture.call);
    const yaml = JSON.stringify(feed.policy, null, 2).replace('"@type": "Agreement"', "'@type': Agreement");
    const answer = await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, {
      json: { policy: yaml, delivery: { kind: 'kafka' } },
    });
    expect(answer).toMatchObject({ status: 200, body: { revision: 1 } });
  });

  test('never shows a secret, neither in an answer nor in the database nor in a log', async () => {
    const feed = await makeFeed(fixture.call);
    const answers = [];
    for (const delivery of [webhook, mirror]) {
      answers.push(await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, { json: { policy: feed.policy, delivery } }));
      answers.push(await fixture.call('GET', `/v1/agreements/${feed.agreement}`));
    }
    answers.push(await fixture.call('GET', `/v1/accounts/${feed.publisher.name}`));
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const stored = [
      await database.stores.agreements.list(),
      await database.stores.participants.findAccount(feed.publisher.name),
      await database.stores.events.page({ limit: 500 }),
    ];
    await database.close();
    const everything = JSON.stringify([answers, stored, await directiveOf(feed.agreement)]) + fixture.logged();
    for (const secret of ['mirror-password-canary', webhookSecret.slice(6), feed.publisher.secret, fixture.operator.secret]) {
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
    }
  });

  test('is explained field by field with the hash of its approved Program', async () => {
    const feed = await makeFeed(fixture.call);
    const { body } = expectStatus(
      await fixture.call('GET', `/v1/agreements/${feed.agreement}/explain`, { as: feed.subscriber }),
      200,
    );
    expect(body.programs[0].rows.map((row: { field: string }) => row.field)).toEqual(
      expect.arrayContaining(['/phone', '/id', '/cost', '(key)']),
    );
    expect(body.programs[0].programHash).toBe((await directiveOf(feed.agreement)).programs[0]?.programHash);
  });

  test('is suspended, resumed and terminated by new revisions, and stays terminated', async () => {
    const feed = await makeFeed(fixture.call);
    const change = (verb: string) => fixture.call('POST', `/v1/agreements/${feed.agreement}/${verb}`, { as: feed.publisher });
    expect((await change('suspend')).body).toMatchObject({ state: 'suspended', revision: 2 });
    expect((await change('suspend')).body).toMatchObject({ state: 'suspended', revision: 2 });
    expect((await change('resume')).body).toMatchObject({ state: 'started', revision: 3 });
    expect((await change('terminate')).body).toMatchObject({ state: 'terminated', revision: 4 });
    expect((await change('resume')).status).toBe(409);
    expect(
      (await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, { json: { policy: feed.policy, delivery: webhook } }))
        .status,
    ).toBe(409);
    expect(await directiveOf(feed.agreement, 4)).toMatchObject({ state: 'terminated', revision: 4 });
  });

  test('is seen and changed by its parties only', async () => {
    const feed = await makeFeed(fixture.call);
    const stranger = await makeFeed(fixture.call);
    const path = `/v1/agreements/${feed.agreement}`;
    expect((await fixture.call('GET', path, { as: stranger.subscriber })).status).toBe(404);
    expect((await fixture.call('GET', `${path}/explain`, { as: stranger.publisher })).status).toBe(404);
    expect((await fixture.call('POST', `${path}/suspend`, { as: feed.subscriber })).status).toBe(403);
    const put = { json: { policy: feed.policy, delivery: { kind: 'kafka' } } };
    expect((await fixture.call('PUT', path, { ...put, as: stranger.publisher })).status).toBe(403);
    const { body } = await fixture.call('GET', '/v1/agreements', { as: feed.subscriber });
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([feed.agreement]);
    expect(body.next).toBeNull();
  });

  test('whose policy leaves a field unnamed is refused and nothing of it is kept', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const policy = JSON.parse(JSON.stringify(feed.policy).replace('"/day",', ''));
    const answer = await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, {
      json: { policy, delivery: { kind: 'kafka' } },
    });
    expect(answer).toMatchObject({ status: 422, body: { code: 'field-unnamed' } });
    expect(answer.body.detail).toContain('/day');
    expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).status).toBe(404);
    expect(await published(feed.agreement)).toBeUndefined();
  });

  test('whose directive was not published before a crash is published at the next start', async () => {
    const feed = await makeFeed(fixture.call);
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const row = unwrap(await database.stores.agreements.find(feed.agreement));
    if (row === null) throw new Error('the agreement is missing');
    // What a crash between commit and publication leaves.
    unwrap(await database.stores.agreements.put({ ...row, state: 'suspended', revision: 2, publishedRevision: 1 }, 1));
    expect(await directiveOf(feed.agreement)).toMatchObject({ revision: 1 });
    await (await fixture.addInstance()).stop();
    expect(await directiveOf(feed.agreement, 2)).toMatchObject({ revision: 2, state: 'suspended' });
    expect(unwrap(await database.stores.agreements.find(feed.agreement))?.publishedRevision).toBe(2);
    // A database that was restored to a state before the topic's goes on above it.
    unwrap(await database.stores.agreements.put({ ...row, revision: 1, publishedRevision: 1 }, 2));
    await (await fixture.addInstance()).stop();
    expect(await directiveOf(feed.agreement, 3)).toMatchObject({ revision: 3, state: 'started' });
    await database.close();
  });
});

describe('a dataset', () => {
  test('whose seal key changes gives its live agreements a new directive', async () => {
    const feed = await makeFeed(fixture.call);
    const sealTo = Buffer.alloc(32, 9).toString('base64url');
    expectStatus(
      await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: datasetBody(feed.publisher.name, { sealTo }) }),
      200,
    );
    expect(await directiveOf(feed.agreement, 2)).toMatchObject({ revision: 2, sealTo });
  });

  test('has a key field that the schema has', async () => {
    const feed = await makeFeed(fixture.call);
    const answer = await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, {
      json: datasetBody(feed.publisher.name, { keyField: '/nowhere' }),
      as: feed.publisher,
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'request-invalid', at: '/nowhere' } });
  });

  test('may not change its publisher or its partitions', async () => {
    const feed = await makeFeed(fixture.call);
    const put = (body: object) => fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: body });
    expect((await put(datasetBody(feed.publisher.name, { partitions: 4 }))).body.code).toBe('conflict');
    const other = await makeFeed(fixture.call);
    expect((await put(datasetBody(other.publisher.name))).body.code).toBe('conflict');
    expect(
      (await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: datasetBody(feed.publisher.name), as: other.publisher }))
        .status,
    ).toBe(403);
  });

  test('put again with a new schema compiles it for every agreement first, and changes nothing when one fails', async () => {
    const feed = await makeFeed(fixture.call);
    const put = (schema: unknown) =>
      fixture.call('PUT', `/v1/datasets/${feed.dataset}`, {
        json: datasetBody(feed.publisher.name, { schema }),
        as: feed.publisher,
      });
    const refused = await put(visitSchema([...visitFields, { name: 'note', type: 'string', default: '' }]));
    expect(refused).toMatchObject({ status: 422, body: { code: 'field-unnamed' } });
    expect(refused.body.detail).toContain(feed.agreement);
    expect(refused.body.detail).toContain('/note');
    expectStatus(await put(visitSchema(visitFields, { doc: 'the second' })), 200);
    expect((await directiveOf(feed.agreement, 2)).programs).toHaveLength(2);
  });

  test('keeps the subscriber on one governed schema while the feed renames a field', async () => {
    const feed = await makeFeed(fixture.call);
    const later = visitFields.map((field) => (field.name === 'phone' ? { ...field, name: 'mobile', aliases: ['phone'] } : field));
    const put = await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, {
      json: datasetBody(feed.publisher.name, { schema: visitSchema(later) }),
      as: feed.publisher,
    });
    expectStatus(put, 200);
    const { programs } = await directiveOf(feed.agreement, 2);
    expect(programs).toHaveLength(2);
    const [first, second] = programs;
    expect(second?.writerSchemaId).not.toBe(first?.writerSchemaId);
    expect(second?.governedSchemaId).toBe(first?.governedSchemaId);
    expect(JSON.parse(second?.manifest ?? '{}')).toMatchObject({ contract: { fields: visitSchema()['fields'] } });
  });
});

test('a schema so large that its directive could not be published is refused before anything is stored', async () => {
  const feed = await makeFeed(fixture.call);
  const doc = 'x'.repeat(200_000);
  const json = datasetBody(feed.publisher.name, { schema: visitSchema(visitFields, { doc }) });
  const put = () => fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json });
  let answer = await put();
  for (let more = 0; answer.status === 200 && more < 10; more += 1) {
    json['schema'] = visitSchema(visitFields, { doc: `${more}${doc}` });
    answer = await put();
  }
  expect(answer).toMatchObject({ status: 422, body: { code: 'plan-invalid' } });
  const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
  expect(body.programs).toHaveLength((await directiveOf(feed.agreement, body.revision)).programs.length);
});

describe('accounts', () => {
  test('may not take a reserved name or move to another participant', async () => {
    const feed = await makeFeed(fixture.call);
    const put = (name: string, participant: string) =>
      fixture.call('PUT', `/v1/accounts/${name}`, { json: { participant, secret: 'long-enough-1' } });
    for (const name of ['admin', 'sluice', 'sluice-data-plane'])
      expect((await put(name, feed.publisher.name)).body.code).toBe('conflict');
    expect((await put(feed.subscriber.name, feed.publisher.name)).body.code).toBe('conflict');
  });

  test('are only for the operator to make; others see those of their participant', async () => {
    const feed = await makeFeed(fixture.call);
    const as = feed.publisher;
    expect(
      (await fixture.call('PUT', '/v1/accounts/mine', { json: { participant: as.name, secret: 'long-enough-1' }, as })).status,
    ).toBe(403);
    expect((await fixture.call('GET', '/v1/accounts', { as })).body.items).toMatchObject([{ name: as.name }]);
    expect((await fixture.call('GET', '/v1/participants', { as })).body.items).toMatchObject([{ id: as.name }]);
  });

  test('with a changed secret are known by the new one alone', async () => {
    const feed = await makeFeed(fixture.call);
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: feed.publisher }), 200);
    const secret = 'a-new-secret-2';
    expectStatus(
      await fixture.call('PUT', `/v1/accounts/${feed.publisher.name}`, { json: { participant: feed.publisher.name, secret } }),
      200,
    );
    expect((await fixture.call('GET', '/v1/datasets', { as: feed.publisher })).status).toBe(401);
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: { name: feed.publisher.name, secret } }), 200);
  });
});

describe('hostile input', () => {
  const put = (text: string) =>
    fixture.call('PUT', `/v1/participants/${uniqueId('p')}`, { text, headers: { 'content-type': 'application/json' } });

  test('is refused with a problem that names the place and not the value', async () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{"name":',
      '[['.repeat(20_000),
      `{"name":${'['.repeat(5_000)}`,
      '{"name":"a","roles":["publisher"],"__proto__":{}}',
    ]) {
      expect(await put(text)).toMatchObject({ status: 400, body: { code: 'request-invalid', status: 400 } });
    }
    const answer = await put('{"name":"value-canary","roles":["value-canary"]}');
    expect(answer.body.at).toBe('/roles/0');
    expect(JSON.stringify(answer.body)).not.toContain('value-canary');
    expect((await put(`{"name":"${'x'.repeat(70_000)}","roles":["publisher"]}`)).status).toBe(413);
    expect((await put('{"name":"a\\u0000b","roles":["publisher"]}')).status).toBe(400);
  });

  test('in a deep or recursive policy or schema is refused without harm', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
    for (const policy of [JSON.parse(deep), '['.repeat(100_000), '&a [*a, *a]', 'a: &x 1\nb: *x']) {
      const answer = await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, {
        json: { policy, delivery: { kind: 'kafka' } },
      });
      expect(answer.status).toBe(422);
    }
    for (const schema of ['['.repeat(100_000), deep, { type: 'array', items: 'nope' }]) {
      const answer = await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, {
        json: datasetBody(feed.publisher.name, { schema }),
      });
      expect(answer.body.code).toBe('schema-invalid');
    }
  });

  test('without an account, or from a page of another site, gets nowhere', async () => {
    const nobody = { name: 'nobody', secret: 'nothing-nothing' };
    const answer = await fixture.call('GET', '/v1/datasets', { as: nobody });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(answer.headers.get('www-authenticate')).toContain('Basic');
    expect((await fixture.call('GET', '/v1/datasets', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect((await fixture.call('GET', '/v1/nothing')).body.code).toBe('not-found');
  });
});

test('lifecycle events go through Kafka and are stored once', async () => {
  const feed = await makeFeed(fixture.call);
  const sent = await eventually(async () => {
    const { body } = await fixture.call('GET', `/v1/events?subject=${feed.agreement}`);
    const ours = body.items.filter(({ subject }: { subject: string }) => subject === feed.agreement);
    return ours.length === 0 ? null : ours;
  });
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({ type: 'sluice.agreement.started.v1', data: { dataset: feed.dataset, revision: 1 } });
});

test('the role is ready when PostgreSQL and Kafka answer', async () => {
  expect((await fixture.call('GET', '/ready')).body).toEqual({ status: 'ok' });
});
