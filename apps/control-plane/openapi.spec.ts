/** The OpenAPI document against the routes that are served. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { errorCatalogue, problemOf } from '../../libs/base/index.ts';
import { controllers, registryControllers } from './http/controllers.ts';
import { servedRoutes } from './http/openapi-document.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { operationId: string; security?: unknown[]; parameters?: unknown[] }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, { required: string[] }>> };
}

const document = JSON.parse(
  readFileSync(join(repositoryRoot(), 'proto-schemas', 'openapi', 'control-plane.json'), 'utf8'),
) as Document;

/** `GET /v1/datasets/{id}` for each handler. */
const served = servedRoutes([...controllers, ...registryControllers]).map(({ method, path }) => `${method} ${path}`);

const documentedRoutes = (): string[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );

test('every route that is served is in the document, and nothing else is', () => {
  expect(documentedRoutes().sort()).toEqual(served.toSorted());
  expect(served.length).toBeGreaterThan(40);
});

test('every parameter of a path is described, and operations have names of their own', () => {
  const names = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  expect(new Set(names).size).toBe(names.length);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const { parameters = [] } of Object.values(methods)) {
      const described = (parameters as { in: string; name: string }[])
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name);
      expect(described).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  }
});

test('problems have the members that the document promises', () => {
  for (const code of Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[]) {
    const problem = problemOf({ code, message: 'a sentence', retriable: errorCatalogue[code].retriable });
    for (const member of document.components.schemas['Problem']?.required ?? []) expect(problem).toHaveProperty(member);
  }
});
