/** An external Confluent registry as the authority: a small stand-in that keeps versions in memory. */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { Fixture } from './control-plane-fixture.ts';
import { expectStatus, makeFeed, startFixture, visitFields, visitSchema } from './control-plane-fixture.ts';

const subjects = new Map<string, { id: number; text: string; deleted: boolean }[]>();
const levels = new Map<string, string>();
const texts: string[] = [];

function idOf(text: string): number {
  if (!texts.includes(text)) texts.push(text);
  return texts.indexOf(text) + 1;
}

function register(subject: string, text: string): number {
  const versions = subjects.get(subject) ?? [];
  subjects.set(subject, [...versions, { id: idOf(text), text, deleted: false }]);
  return idOf(text);
}

const notFound = (code: number): [number, unknown] => [404, { error_code: code, message: 'not found' }];

/** The answer to a call, as Confluent's registry gives it. */
function answer(method: string, path: string, body: { schema?: string; compatibility?: string }): [number, unknown] {
  const [, kind, name = '', , version] = path.split('/').map(decodeURIComponent);
  if (kind === 'config') {
    levels.set(name, body.compatibility ?? '');
    return [200, body];
  }
  if (kind === 'schemas')
    return texts[Number(version) - 1] === undefined ? notFound(40403) : [200, { schema: texts[Number(version) - 1] }];
  const all = (subjects.get(name) ?? []).map((entry, index) => ({ ...entry, version: index + 1 }));
  const live = all.filter(({ deleted }) => !deleted);
  if (method === 'POST' && path.endsWith('/versions')) {
    const known = live.find(({ text }) => text === body.schema);
    return [200, { id: known?.id ?? register(name, body.schema ?? '') }];
  }
  if (live.length === 0) return notFound(40401);
  if (method === 'GET' && version === undefined) return [200, live.map((entry) => entry.version)];
  const found =
    method === 'POST'
      ? live.find(({ text }) => text === body.schema)
      : live.find((entry) => (version === 'latest' ? entry === live.at(-1) : entry.version === Number(version)));
  if (found === undefined) return notFound(method === 'POST' ? 40403 : 40402);
  if (method === 'DELETE') Object.assign(subjects.get(name)?.[found.version - 1] ?? {}, { deleted: true });
  return [200, method === 'DELETE' ? found.version : { subject: name, version: found.version, id: found.id, schema: found.text }];
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const part of request) text += String(part);
  return text === '' ? {} : (JSON.parse(text) as object);
}

const registry = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    const [status, json] = answer(request.method ?? '', request.url ?? '', body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
});

let fixture: Fixture;

beforeAll(async () => {
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const { port } = registry.address() as AddressInfo;
  fixture = await startFixture({ registry: { url: `http://127.0.0.1:${port}` } });
});

afterAll(async () => {
  await fixture.close();
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
});

test('writer and governed schemas are registered there, and ours is not served', async () => {
  const feed = await makeFeed(fixture.call);
  const writer = subjects.get(`raw.${feed.dataset}-value`)?.[0];
  const governed = subjects.get(`gov.${feed.dataset}.${feed.agreement}-value`)?.[0];
  const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
  expect(body.programs).toMatchObject([{ writerSchemaId: writer?.id, governedSchemaId: governed?.id }]);
  expect(levels.get(`gov.${feed.dataset}.${feed.agreement}-value`)).toBe('NONE');
  expect((await fixture.call('GET', '/registry/subjects')).status).toBe(404);
  const records = {
    as: feed.publisher,
    text: '{"id":"1","phone":"1","cost":1,"day":1}',
    headers: { 'content-type': 'application/x-ndjson' },
  };
  expectStatus(await fixture.call('POST', `/v1/datasets/${feed.dataset}/records`, records), 200);
});

test('a schema that an agreement cannot govern is taken back; one that others registered gets its Program', async () => {
  const feed = await makeFeed(fixture.call);
  const subject = `raw.${feed.dataset}-value`;
  const { body: dataset } = await fixture.call('GET', `/v1/datasets/${feed.dataset}`);
  const schema = visitSchema([...visitFields, { name: 'note', type: 'string', default: '' }]);
  const { zh, en } = dataset.title;
  const put = { title: { zh, en }, publisher: dataset.publisher, sealTo: dataset.sealTo, schema };
  expect((await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: put })).body.code).toBe('field-unnamed');
  expect(subjects.get(subject)?.map(({ deleted }) => deleted)).toEqual([false, true]);
  const id = register(subject, JSON.stringify(visitSchema(visitFields, { doc: 'registered by another' })));
  await (await fixture.addInstance()).stop();
  const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
  expect(body.programs.map(({ writerSchemaId }: { writerSchemaId: number }) => writerSchemaId)).toContain(id);
});
