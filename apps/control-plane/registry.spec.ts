/** The Confluent Schema Registry API, by the exact calls and answers that its clients make and expect. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Account, Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { makeFeed, startFixture, visitFields, visitSchema } from './control-plane-fixture.ts';

let fixture: Fixture;
let address: string;
let feed: Feed;

beforeAll(async () => {
  fixture = await startFixture();
  address = (await fixture.addInstance()).address;
  feed = await makeFeed(fixture.call);
});

afterAll(async () => {
  await fixture.close();
});

const mediaType = 'application/vnd.schemaregistry.v1+json';

function ask(method: string, path: string, body?: unknown, as: Account = fixture.operator, instance = 0): Promise<Answer> {
  const text = body === undefined ? {} : { text: JSON.stringify(body) };
  return fixture.call(method, `/registry${path}`, { as, instance, headers: { 'content-type': mediaType }, ...text });
}

const register = (subject: string, schema: unknown, as?: Account, instance?: number): Promise<Answer> =>
  ask('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema: JSON.stringify(schema) }, as, instance);

const recordOf = (name: string, ...fields: object[]): object => ({ type: 'record', name, fields });
const text = (name: string, more: object = {}): object => ({ name, type: 'string', ...more });

describe('a subject', () => {
  test('gives versions from 1 and ids that grow; the same schema has the same id everywhere, whatever its white space and member order', async () => {
    const [one, two] = [uniqueId('one'), uniqueId('two')];
    const schema = recordOf(one.replaceAll('-', '_'), text('a'));
    const first = await register(one, schema);
    expect(first).toMatchObject({ status: 200 });
    expect(first.headers.get('content-type')).toContain(mediaType);
    const reordered = { fields: [{ type: 'string', name: 'a' }], name: one.replaceAll('-', '_'), type: 'record' };
    const again = await ask('POST', `/subjects/${two}/versions`, {
      schema: JSON.stringify(reordered, null, 4),
      schemaType: 'AVRO',
    });
    expect(again.body).toEqual(first.body);
    const second = await register(one, recordOf(one.replaceAll('-', '_'), text('a'), text('b', { default: '' })));
    expect(second.body.id).toBeGreaterThan(first.body.id);
    expect((await ask('GET', `/subjects/${one}/versions`)).body).toEqual([1, 2]);
    expect((await ask('GET', `/schemas/ids/${first.body.id}`)).body).toEqual({ schema: JSON.stringify(schema) });
    expect((await ask('GET', `/schemas/ids/${first.body.id}/schema`)).body).toEqual(schema);
    expect((await ask('GET', `/schemas/ids/${first.body.id}/subjects`)).body).toEqual([one, two].sort());
    expect((await ask('GET', `/schemas/ids/${first.body.id}/versions`)).body).toContainEqual({ subject: two, version: 1 });
    expect((await ask('GET', `/subjects/${one}/versions/latest`)).body).toMatchObject({
      subject: one,
      version: 2,
      id: second.body.id,
    });
    expect((await ask('GET', `/subjects/${one}/versions/1/schema`)).body).toEqual(schema);
    expect((await ask('POST', `/subjects/${one}`, { schema: JSON.stringify(reordered) })).body).toMatchObject({
      version: 1,
      id: first.body.id,
    });
    expect((await ask('GET', '/subjects')).body).toEqual(expect.arrayContaining([one, two]));
  });

  test('keeps the digits of a default as they were given', async () => {
    const subject = uniqueId('digits');
    const schema = `{"type":"record","name":"D","fields":[{"name":"n","type":"double","default":1.50}]}`;
    const { body } = await ask('POST', `/subjects/${subject}/versions`, { schema });
    expect((await ask('GET', `/schemas/ids/${body.id}`)).body.schema).toBe(schema);
  });

  test('answers with the codes of the Confluent registry for what is not there', async () => {
    const subject = uniqueId('some');
    await register(subject, recordOf('A', text('a')));
    const code = async (method: string, path: string, body?: unknown): Promise<[number, number]> => {
      const answer = await ask(method, path, body);
      return [answer.status, answer.body.error_code];
    };
    expect(await code('GET', '/schemas/ids/2147483000')).toEqual([404, 40403]);
    expect(await code('GET', '/schemas/ids/abc')).toEqual([404, 40403]);
    expect(await code('GET', '/subjects/nothing/versions')).toEqual([404, 40401]);
    expect(await code('GET', `/subjects/${subject}/versions/7`)).toEqual([404, 40402]);
    expect(await code('GET', `/subjects/${subject}/versions/0`)).toEqual([422, 42202]);
    expect(await code('GET', `/subjects/${subject}/versions/last`)).toEqual([422, 42202]);
    expect(await code('POST', `/subjects/${subject}`, { schema: '"int"' })).toEqual([404, 40403]);
    expect(await code('POST', '/subjects/nothing', { schema: '"int"' })).toEqual([404, 40401]);
    expect(await code('GET', `/config/${subject}`)).toEqual([404, 40408]);
    expect(await code('PUT', '/config', { compatibility: 'SIDEWAYS' })).toEqual([422, 42203]);
    expect(await code('PUT', '/mode', { mode: 'READONLY' })).toEqual([422, 42205]);
  });

  test('takes AVRO without references only, and says so', async () => {
    const subject = uniqueId('types');
    const refused = async (body: object): Promise<string> => {
      const answer = await ask('POST', `/subjects/${subject}/versions`, body);
      expect(answer).toMatchObject({ status: 422, body: { error_code: 42201 } });
      return answer.body.message;
    };
    expect(await refused({ schema: '{"type":"object"}', schemaType: 'JSON' })).toContain('AVRO');
    expect(await refused({ schema: '"string"', references: [{ name: 'a', subject: 'b', version: 1 }] })).toContain('references');
    await refused({ schema: '{"type":"record","name":"R","fields":[{"name":"a","type":"nope"}]}' });
    await refused({ schema: '{"type":' });
    await refused({ schema: `${'['.repeat(300)}${']'.repeat(300)}` });
    expect((await ask('POST', `/subjects/${subject}/versions`, { schema: `"${'x'.repeat(2_000_000)}"` })).status).toBe(413);
    expect((await ask('GET', `/subjects/${subject}/versions`)).status).toBe(404);
  });

  test('is deleted softly first and then for good; its ids stay readable', async () => {
    const subject = uniqueId('gone');
    const { body } = await register(subject, recordOf(uniqueId('R').replace('-', '_'), text('a')));
    const code = async (path: string): Promise<unknown> => (await ask('DELETE', path)).body.error_code;
    expect(await code(`/subjects/${subject}?permanent=true`)).toBe(40405);
    expect(await code(`/subjects/${subject}/versions/1?permanent=true`)).toBe(40407);
    expect((await ask('DELETE', `/subjects/${subject}/versions/1`)).body).toBe(1);
    expect(await code(`/subjects/${subject}/versions/1`)).toBe(40406);
    expect((await ask('GET', `/subjects/${subject}/versions`)).body.error_code).toBe(40401);
    expect((await ask('GET', `/subjects/${subject}/versions?deleted=true`)).body).toEqual([1]);
    expect(await code(`/subjects/${subject}`)).toBe(40404);
    expect((await ask('DELETE', `/subjects/${subject}?permanent=true`)).body).toEqual([1]);
    expect((await ask('GET', `/schemas/ids/${body.id}`)).status).toBe(200);
    expect((await register(subject, 'int')).status).toBe(200);
  });
});

describe('compatibility', () => {
  test('is BACKWARD unless told otherwise, is refused with 409, and can be asked for first', async () => {
    const subject = uniqueId('compatible');
    await register(subject, recordOf('A', text('a')));
    const incompatible = { schema: JSON.stringify(recordOf('A', text('a'), text('b'))) };
    expect(await ask('POST', `/subjects/${subject}/versions`, incompatible)).toMatchObject({
      status: 409,
      body: { error_code: 409 },
    });
    expect((await ask('POST', `/compatibility/subjects/${subject}/versions/latest`, incompatible)).body).toEqual({
      is_compatible: false,
    });
    const verbose = await ask('POST', `/compatibility/subjects/${subject}/versions/latest?verbose=true`, incompatible);
    expect(verbose.body.messages[0]).toContain('b');
    await ask('PUT', `/config/${subject}`, { compatibility: 'forward' });
    expect((await ask('GET', `/config/${subject}`)).body).toEqual({ compatibilityLevel: 'FORWARD' });
    expect((await ask('POST', `/compatibility/subjects/${subject}/versions`, incompatible)).body).toEqual({
      is_compatible: true,
    });
    expect((await ask('POST', `/subjects/${subject}/versions`, incompatible)).status).toBe(200);
    expect((await ask('DELETE', `/config/${subject}`)).body.compatibilityLevel).toBe('FORWARD');
    expect((await ask('GET', `/config/${subject}?defaultToGlobal=true`)).body).toEqual({ compatibilityLevel: 'BACKWARD' });
  });

  test('that is transitive looks at every version', async () => {
    const subject = uniqueId('transitive');
    await ask('PUT', `/config/${subject}`, { compatibility: 'NONE' });
    await register(subject, recordOf('A', text('a')));
    await register(subject, recordOf('A', text('b')));
    const third = recordOf('A', text('b'), text('c', { default: '' }));
    await ask('PUT', `/config/${subject}`, { compatibility: 'BACKWARD_TRANSITIVE' });
    expect((await register(subject, third)).status).toBe(409);
    await ask('PUT', `/config/${subject}`, { compatibility: 'BACKWARD' });
    expect((await register(subject, third)).status).toBe(200);
  });
});

describe('a writer schema', () => {
  test('is registered by the publisher of its dataset or the operator, and by nobody else', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const subject = `raw.${own.dataset}-value`;
    const schema = visitSchema(visitFields, { doc: 'again' });
    expect(await register(subject, schema, feed.publisher)).toMatchObject({ status: 403, body: { error_code: 40301 } });
    expect((await register(subject, schema, own.subscriber)).status).toBe(403);
    expect((await register(subject, schema, { name: 'nobody', secret: 'nothing' })).body.error_code).toBe(40101);
    expect((await register('gov.anything-value', schema)).body.error_code).toBe(40301);
    expect((await ask('PUT', `/config/${subject}`, { compatibility: 'NONE' }, own.subscriber)).status).toBe(403);
    expect((await ask('DELETE', `/subjects/${subject}`, undefined, own.publisher)).status).toBe(403);
    expect((await register(subject, schema, own.publisher)).status).toBe(200);
    expect((await ask('GET', `/subjects/${subject}/versions/latest`, undefined, own.subscriber)).status).toBe(200);
  });

  test('has its Program under every live agreement when its registration succeeds, and is refused with agreement and field when not', async () => {
    const subject = `raw.${feed.dataset}-value`;
    const refused = await register(subject, visitSchema([...visitFields, text('remark', { default: '' })]), feed.publisher);
    expect(refused).toMatchObject({ status: 422, body: { error_code: 42201 } });
    expect(refused.body.message).toContain(feed.agreement);
    expect(refused.body.message).toContain('/remark');
    const { body } = await register(subject, visitSchema(visitFields, { doc: 'two' }), feed.publisher);
    const agreement = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
    expect(agreement.body).toMatchObject({ revision: 2 });
    expect(agreement.body.programs.map((program: { writerSchemaId: number }) => program.writerSchemaId)).toContain(body.id);
    const governed = await ask('GET', `/subjects/gov.${feed.dataset}.${feed.agreement}-value/versions/latest`);
    expect(governed.body.id).toBe(agreement.body.programs.at(-1).governedSchemaId);
  });

  test('with a new field goes in after the policies that name the field', async () => {
    const path = `/v1/agreements/${feed.agreement}`;
    const policy = JSON.parse(JSON.stringify(feed.policy).replace('"/day"', '"/day","/remark"'));
    const put = await fixture.call('PUT', path, { json: { policy, delivery: { kind: 'kafka' } } });
    expect(put.status).toBe(200);
    const schema = visitSchema([...visitFields, text('remark', { default: '' })]);
    const { body } = await register(`raw.${feed.dataset}-value`, schema, feed.publisher);
    const { programs } = (await fixture.call('GET', `${path}/explain`)).body;
    const remarkOf = (id: number) =>
      programs
        .find(({ writerSchemaId }: { writerSchemaId: number }) => writerSchemaId === id)
        .rows.find(({ field }: { field: string }) => field === '/remark');
    expect(remarkOf(body.id)).toMatchObject({ stage: 'keep' });
    expect(remarkOf(programs[0].writerSchemaId)).toMatchObject({ stage: '(none)' });
  });
});

test('registrations at once, on two instances, give one version each and no id twice', async () => {
  const subject = uniqueId('busy');
  await ask('PUT', `/config/${subject}`, { compatibility: 'NONE' });
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      register(subject, recordOf('A', text(`field_${index % 6}`)), fixture.operator, index % 2),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const ids = answers.map(({ body }) => body.id);
  expect(new Set(ids).size).toBe(6);
  answers.forEach((answer, index) => expect(answer.body.id).toBe(ids[index % 6]));
  expect((await ask('GET', `/subjects/${subject}/versions`)).body).toEqual([1, 2, 3, 4, 5, 6]);
});

test('the client of the record path reads schemas from this registry', async () => {
  const account = { username: feed.subscriber.name, password: feed.subscriber.secret };
  const client = new RegistryClient({ url: `${address}/registry/`, ...account });
  const latest = unwrap(await client.version(`raw.${feed.dataset}-value`, 'latest'));
  expect(unwrap(await client.schemaById(latest?.id ?? 0))).toBe(latest?.text);
  expect(await client.schemaById(2_147_000_000)).toMatchObject({ ok: false, failure: { code: 'schema-unknown' } });
  expect(unwrap(await client.versions('nothing'))).toEqual([]);
  expect(await client.register('mine', '"int"')).toMatchObject({ failure: { code: 'forbidden' } });
  const stranger = new RegistryClient({ url: `${address}/registry`, username: 'nobody', password: 'nothing' });
  expect(await stranger.schemaById(1)).toMatchObject({ failure: { code: 'registry-unreachable', retriable: true } });
});
