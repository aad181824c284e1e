/** The API asked at random for what its own OpenAPI document says that it takes, and for what it does not: it answers, as it says, or refuses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { errorCodes } from '../../libs/base/index.ts';
import type { Account, Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { makeFeed, startFixture } from './control-plane-fixture.ts';
import { controllers } from './http/controllers.ts';
import { servedRoutes } from './http/openapi-document.ts';
import type { JsonSchema } from './schema-arbitrary-fixture.ts';
import { arbitraryOf } from './schema-arbitrary-fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { in: string; name: string; schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: JsonSchema }>> };
}

const document = JSON.parse(readFileSync(join(repositoryRoot(), 'proto-schemas', 'openapi', 'control-plane.json'), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
};
const { schemas } = document.components;

/** Requests of each operation; more by `FUZZ_RUNS`. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 25);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_128);

let fixture: Fixture;
let feed: Feed;
let callers: Account[];

beforeAll(async () => {
  fixture = await startFixture();
  feed = await makeFeed(fixture.call);
  callers = [fixture.operator, feed.publisher, feed.subscriber];
});
afterAll(() => fixture.close());

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
const described = new Map(servedRoutes(controllers).map(({ method, path, description }) => [`${method} ${path}`, description]));

/** Values of a path's parameter: what there is, what there is not, and what is no id at all. */
const pathValue = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(
      feed.dataset,
      feed.agreement,
      feed.publisher.name,
      `raw.${feed.dataset}-value`,
      '1',
      'latest',
      'holder',
      'no-such-thing',
    ),
    fc.constantFrom(
      '..',
      '%00',
      'a\u202Eb',
      'A'.repeat(290),
      "'",
      '-1',
      '0',
      '99999999999999999999',
      '__proto__',
      `${name}-\u0000`,
    ),
    fc.string({ minLength: 1, maxLength: 20 }),
  );

interface Asked {
  readonly path: string;
  readonly as: Account;
  readonly body: string | undefined;
  readonly type: string;
}

function requestOf(path: string, operation: Operation): fc.Arbitrary<Asked> {
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => [name, pathValue(name)] as const);
  const inQuery = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, schema }) => [name, arbitraryOf(schema, schemas)] as const);
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const body =
    bodies.length === 0
      ? fc.constant({ type: '', body: undefined })
      : fc.oneof(...bodies.map(([type, { schema }]) => bodyOf(type, schema)));
  return fc
    .record({
      path: fc.record(Object.fromEntries(inPath)),
      query: fc.record(Object.fromEntries(inQuery), { requiredKeys: [] }),
      body,
      as: fc.constantFrom(...callers),
    })
    .map(({ path: values, query, body: sent, as }) => {
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(String((values as Record<string, string>)[name])),
      );
      const search = Object.entries(query).map(
        ([name, value]) => `${name}=${encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))}`,
      );
      return { path: `${filled}${search.length === 0 ? '' : `?${search.join('&')}`}`, as, ...sent };
    });
}

const bodyOf = (type: string, schema: JsonSchema): fc.Arbitrary<{ type: string; body: string | undefined }> =>
  fc.oneof(
    {
      weight: 9,
      arbitrary: arbitraryOf(schema, schemas).map((value) => ({
        type,
        body: typeof value === 'string' && !type.includes('json') ? value : JSON.stringify(value),
      })),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('', '{', '{"a":', '[1,2', '\u0000', '"'.repeat(100), '['.repeat(2_000))
        .map((text) => ({ type, body: text })),
    },
  );

const send = ({ path, as, body, type }: Asked, method: string): Promise<Answer> =>
  fixture.call(method, path, {
    as,
    ...(body === undefined ? {} : { text: body, headers: { 'content-type': type } }),
  });

/** What is wrong with an answer, or null. */
function faultOf({ status, body, headers }: Answer, route: string): string | null {
  if (status >= 500) return `status ${status}`;
  const type = headers.get('content-type') ?? '';
  if (route.includes('/registry'))
    return status < 400 || typeof body.error_code === 'number' ? null : 'a refusal without error_code';
  if (status >= 400 && status !== 422) {
    if (!type.startsWith('application/problem+json')) return `a refusal as ${type}`;
    return errorCodes.includes(body.code) && body.status === status ? null : `a refusal with code ${String(body.code)}`;
  }
  const description = described.get(route);
  const answer = description?.answer ?? description?.answers?.[status]?.schema;
  if (answer === undefined || body === '' || type.startsWith('application/problem+json')) return null;
  const parsed = answer.safeParse(body);
  return parsed.success
    ? null
    : `an answer that is not as described: ${parsed.error.issues[0]?.path.join('/')}: ${parsed.error.issues[0]?.message}`;
}

describe('asked at random', () => {
  test.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))(
    '%s answers as it says or refuses, and never fails',
    async (route, { path, method, operation }) => {
      await fc.assert(
        fc.asyncProperty(requestOf(path, operation), async (asked) => {
          const fault = faultOf(await send(asked, method), route);
          if (fault !== null) throw new Error(`${fault}: ${method} ${asked.path} ${asked.body?.slice(0, 500) ?? ''}`);
        }),
        { numRuns: runs, seed },
      );
    },
    60_000,
  );

  test('a route that fails, answers otherwise or refuses without a problem is found', () => {
    const answer = (status: number, body: unknown, type = 'application/json'): Answer => ({
      status,
      body,
      headers: new Headers({ 'content-type': type }),
    });
    const problem = 'application/problem+json';
    expect(faultOf(answer(500, { code: 'internal', status: 500 }, problem), 'GET /v1/agreements')).toBe('status 500');
    expect(faultOf(answer(400, {}), 'GET /v1/agreements')).toContain('a refusal as');
    expect(faultOf(answer(400, { code: 'nonsense', status: 400 }, problem), 'GET /v1/agreements')).toContain('nonsense');
    expect(faultOf(answer(200, { items: [{ id: 'a', secret: 'x' }], next: null }), 'GET /v1/agreements')).toContain(
      'not as described',
    );
    expect(faultOf(answer(200, { items: [], next: null }), 'GET /v1/agreements')).toBeNull();
    expect(faultOf(answer(404, {}), 'GET /registry/mode')).toBe('a refusal without error_code');
  });

  test('nothing that was asked is in the log, no prototype is polluted, and the role is as it was', async () => {
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(fixture.logged()).not.toContain('DROP TABLE');
    expect((await fixture.call('GET', '/ready')).status).toBe(200);
    expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).status).toBe(200);
  });
});
