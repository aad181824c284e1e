/** The client against a registry that answers as told, or not at all. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { RegistryClient } from './registry-client.ts';

let asked: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  answer(request, response);
});
let client: RegistryClient;
/** One that soon stops waiting, for a registry that says nothing. */
let hasty: RegistryClient;

beforeEach(async () => {
  asked = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const registry = { url: `http://127.0.0.1:${port}/base/`, username: 'a', password: 'b' };
  client = new RegistryClient({ ...registry, timeoutMs: 30_000 });
  hasty = new RegistryClient({ ...registry, timeoutMs: 100 });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json =
  (status: number, body: unknown) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body));
  };

describe('a schema by id', () => {
  test('is asked for once, however many want it, with the account', async () => {
    let authorization: string | undefined;
    answer = (request, response) => {
      authorization = request.headers.authorization;
      json(200, { schema: '"int"' })(request, response);
    };
    const answers = await Promise.all([1, 2, 3].map(() => client.schemaById(7)));
    expect([...answers, await client.schemaById(7)]).toEqual(Array.from({ length: 4 }, () => ({ ok: true, value: '"int"' })));
    expect(asked).toEqual(['GET /base/schemas/ids/7']);
    expect(authorization).toBe(`Basic ${Buffer.from('a:b').toString('base64')}`);
  });

  test('is unknown only when the registry itself says so', async () => {
    answer = json(404, { error_code: 40403, message: 'Schema 7 not found' });
    expect(await client.schemaById(7)).toMatchObject({ failure: { code: 'schema-unknown', retriable: false } });
    await client.schemaById(7);
    expect(asked).toHaveLength(1);
    for (const [status, body] of [
      [404, 'no such page'],
      [404, { error_code: 404 }],
      [500, {}],
      [401, { error_code: 401 }],
      [503, {}],
    ] as const) {
      answer = json(status, body);
      expect(await client.schemaById(8)).toMatchObject({ failure: { code: 'registry-unreachable', retriable: true } });
    }
    answer = json(200, { schema: '"int"' });
    expect(await client.schemaById(8)).toEqual({ ok: true, value: '"int"' });
  });

  test('of another type, in a strange answer, too large or too late is no schema', async () => {
    answer = json(200, { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' });
    expect(await client.schemaById(1)).toMatchObject({ failure: { code: 'schema-invalid' } });
    answer = (_request, response) => response.end('<html>');
    expect(await client.schemaById(2)).toMatchObject({ failure: { code: 'registry-unreachable' } });
    answer = (_request, response) => response.end('x'.repeat(5 * 1024 * 1024));
    expect(await client.schemaById(3)).toMatchObject({ failure: { code: 'registry-unreachable' } });
    answer = () => undefined;
    expect(await hasty.schemaById(4)).toMatchObject({ failure: { code: 'registry-unreachable' } });
    answer = (_request, response) => response.writeHead(302, { location: 'http://elsewhere.test/' }).end();
    expect(await client.schemaById(5)).toMatchObject({ failure: { code: 'registry-unreachable' } });
  });
});

test('a registration tells what is wrong with the schema from a registry that does not answer', async () => {
  const codes = { 409: 'schema-incompatible', 422: 'schema-invalid', 403: 'forbidden', 500: 'registry-unreachable' } as const;
  for (const [status, code] of Object.entries(codes)) {
    answer = json(Number(status), { error_code: 1, message: 'why' });
    expect(await client.register('a/b', '"int"')).toMatchObject({ failure: { code } });
  }
  expect(asked[0]).toBe('POST /base/subjects/a%2Fb/versions');
  answer = json(200, { id: 9 });
  expect(await client.register('s', '"int"')).toEqual({ ok: true, value: 9 });
});
