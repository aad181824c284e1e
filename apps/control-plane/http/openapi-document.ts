/** Makes the OpenAPI 3.1 document from what handlers say of themselves; the registry's part, which another API defines, is a file of its own. */
import { RequestMethod } from '@nestjs/common';
import { z } from 'zod';

import { problemMediaType } from '../../../libs/base/index.ts';
import type { Answer, RouteDescription, Tag } from './describe.ts';
import { routeDescription } from './describe.ts';
import { openRoute } from './account-guard.ts';
import { problem } from './problem.ts';

type Json = Readonly<Record<string, unknown>>;
/** A class with handlers. */
type Controller = { readonly prototype: object; readonly name: string };

export interface OpenApiPart {
  readonly paths: Readonly<Record<string, Json>>;
  readonly components: { readonly schemas: Json };
}

export interface ServedRoute {
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly handler: object;
  readonly controller: Controller;
  readonly description: RouteDescription | undefined;
  /** Whether it needs no account. */
  readonly isOpen: boolean;
}

/** Every route of the controllers, from what Nest's decorators noted. */
export function servedRoutes(controllers: readonly Controller[]): ServedRoute[] {
  return controllers.flatMap((controller) => {
    const prefix = String(Reflect.getMetadata('path', controller) ?? '');
    return Object.getOwnPropertyNames(controller.prototype).flatMap((name): ServedRoute[] => {
      const handler: unknown = Reflect.get(controller.prototype, name);
      if (typeof handler !== 'function' || !Reflect.hasMetadata('method', handler)) return [];
      const method = RequestMethod[Reflect.getMetadata('method', handler) as RequestMethod];
      const path = `/${prefix}/${String(Reflect.getMetadata('path', handler))}`.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
      const description = Reflect.getMetadata(routeDescription, handler) as RouteDescription | undefined;
      const isOpen = Reflect.getMetadata(openRoute, handler) === true || Reflect.getMetadata(openRoute, controller) === true;
      return [{ method, path: path.replaceAll(/:(\w+)/g, '{$1}'), handler, controller, description, isOpen }];
    });
  });
}

/** The whole document; equal input gives equal text. Throws for two components of one name that differ. */
export function openApiDocument(routes: readonly ServedRoute[], registry: OpenApiPart): Json {
  const schemas = new Map<string, unknown>(Object.entries(registry.components.schemas));
  const paths: Record<string, Record<string, unknown>> = {};
  const problemSchema = schemaOf(problem, 'output', schemas);
  const tags = new Set<Tag>();
  for (const { method, path, description, isOpen } of routes) {
    if (description === undefined) continue;
    tags.add(description.tag);
    const operation = operationOf(description, method, path, schemas, problemSchema);
    paths[path] = { ...paths[path], [method.toLowerCase()]: isOpen ? { ...operation, security: [] } : operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice control plane',
      version: '0.1.0',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Participants, datasets, policies, requests and agreements, records over HTTP, and the Confluent-compatible schema registry.',
    },
    security: [{ account: [] }, { bearer: [] }],
    tags: [...tags, 'registry'].map((name) => ({ name })),
    paths: { ...paths, ...registry.paths },
    components: {
      securitySchemes: {
        account: { type: 'http', scheme: 'basic', description: 'Name and secret of an account.' },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key (`slk_…`), or an access token of a trusted OIDC issuer.',
        },
      },
      schemas: Object.fromEntries([...schemas].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

function operationOf(
  description: RouteDescription,
  method: string,
  path: string,
  schemas: Map<string, unknown>,
  problemSchema: unknown,
): Json {
  const { id, summary, tag, query, etag } = description;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name ?? '')),
    ...(query === undefined ? [] : queryParameters(query)),
    ...headersOf(description, method).map(([name, text]) => ({
      in: 'header',
      name,
      description: text,
      schema: { type: 'string' },
    })),
  ];
  const bodies = bodiesOf(description, schemas);
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(bodies === undefined ? {} : { requestBody: { required: true, content: bodies } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answersOf(description)).map(([status, answer]) => [
          status,
          responseOf(answer, schemas, etag === true && status === '200'),
        ]),
      ),
      default: {
        description: 'A failure; `code` is one of the error catalogue.',
        content: { [problemMediaType]: { schema: problemSchema } },
      },
    },
  };
}

const answersOf = ({ answer, answers, summary }: RouteDescription): Readonly<Record<string, Answer>> => ({
  ...(answer === undefined ? {} : { 200: { description: summary, schema: answer } }),
  ...answers,
});

function headersOf(description: RouteDescription, method: string): [string, string][] {
  const headers = Object.entries(description.headers ?? {});
  if (method === 'POST' && description.ownIdempotency !== true)
    headers.push([
      'Idempotency-Key',
      '1 to 255 printable ASCII characters: a retry with the same key gets the first answer, for 24 hours.',
    ]);
  if (description.etag === true)
    headers.push(
      method === 'GET'
        ? ['If-None-Match', 'An ETag: answers 304 while it is the current one.']
        : [
            'If-Match',
            'An ETag, or `*` for anything that exists: fails with `precondition-failed` unless it is the current one.',
          ],
    );
  return headers;
}

const pathParameter = (name: string): Json => ({ in: 'path', name, required: true, schema: { type: 'string', maxLength: 300 } });

function queryParameters(query: z.ZodObject): Json[] {
  const json = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' });
  const required = new Set(json.required ?? []);
  return Object.entries(json.properties ?? {}).map(([name, property]) => {
    const { description, ...schema } = property as { description?: string };
    return {
      in: 'query',
      name,
      ...(description === undefined ? {} : { description }),
      ...(required.has(name) ? { required: true } : {}),
      schema,
    };
  });
}

function bodiesOf({ body, bodies }: RouteDescription, schemas: Map<string, unknown>): Json | undefined {
  const all = { ...(body === undefined ? {} : { 'application/json': body }), ...bodies };
  if (Object.keys(all).length === 0) return undefined;
  return Object.fromEntries(
    Object.entries(all).map(([type, schema]) => [
      type,
      { schema: schema === null ? { type: 'string' } : schemaOf(schema, 'input', schemas) },
    ]),
  );
}

function responseOf(
  { description, schema, mediaTypes = ['application/json'] }: Answer,
  schemas: Map<string, unknown>,
  etag: boolean,
): Json {
  return {
    description,
    ...(etag ? { headers: { ETag: { schema: { type: 'string' } } } } : {}),
    ...(schema === undefined
      ? {}
      : { content: Object.fromEntries(mediaTypes.map((type) => [type, { schema: schemaOf(schema, 'output', schemas) }])) }),
  };
}

/** The JSON Schema of a zod schema, with named parts moved to the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Map<string, unknown>): unknown {
  const { $schema: _, $defs = {}, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>;
  const named = schema.meta()?.id;
  const parts = Object.entries($defs as Json);
  // A root with a name that is referred to from within is among the parts already.
  if (named !== undefined && !Object.hasOwn($defs as Json, named)) parts.push([named, json]);
  for (const [name, part] of parts) {
    const { id: __, ...text } = relinked(part) as Record<string, unknown>;
    const known = schemas.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(text))
      throw new Error(`two different schemas are called ${name} in the OpenAPI document`);
    schemas.set(name, text);
  }
  return named === undefined ? relinked(json) : { $ref: `#/components/schemas/${named}` };
}

/** The same with `#/$defs/x` pointing into the components. */
function relinked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relinked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
        : [key, relinked(inner)],
    ),
  );
}
