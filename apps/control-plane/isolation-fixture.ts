/**
 * Every served route, called as somebody who has no business with the thing that it names. What is expected follows from what the route
 * says of itself: whether it is open, which scope it needs, whether it reads. A route that takes a body or a parameter needs a sample here.
 */
import { Reflector } from '@nestjs/core';

import { baselineOf, offerOf, rightOf } from './catalog-fixture.ts';
import type { Account, Answer, Feed } from './control-plane-fixture.ts';
import { datasetBody } from './control-plane-fixture.ts';
import { neededScope } from './http/account-guard.ts';
import { controllers, registryControllers } from './http/controllers.ts';
import type { ServedRoute } from './http/openapi-document.ts';
import { servedRoutes } from './http/openapi-document.ts';
import type { Scope } from './scope.ts';

/** Things of the tenant that nobody else may see or change. */
export interface Victim extends Feed {
  readonly apiKeyId: string;
  readonly offer: string;
  /** An access request of the subscriber's. */
  readonly request: string;
  readonly duty: string;
}

export interface Intruder {
  readonly title: string;
  /** Null for no credentials. */
  readonly as: Account | null;
  readonly kind: 'nobody' | 'suspended' | 'stranger' | 'auditor' | 'key';
  /** The one scope of a key. */
  readonly scope?: Scope;
}

export interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

/** What any account may read, by its nature: the open datasets of the catalog, and schemas. */
const sharedScopes: readonly (Scope | undefined)[] = ['catalog:read', 'registry'];

/** POSTs that only look something up. */
const lookups = [
  'POST /v1/offers/{id}/dry-run',
  'POST /registry/subjects/{subject}',
  'POST /registry/compatibility/subjects/{subject}/versions',
  'POST /registry/compatibility/subjects/{subject}/versions/{version}',
];

/** Routes that refuse everybody alike. */
const fixed = ['PUT /registry/mode', 'PUT /registry/mode/{subject}'];

export const routeName = ({ method, path }: Pick<ServedRoute, 'method' | 'path'>): string => `${method} ${path}`;

export const routes = (): ServedRoute[] => servedRoutes([...controllers, ...registryControllers]);

export function scopeOf({ handler, controller }: ServedRoute): Scope | undefined {
  const places = [handler, controller] as unknown as Parameters<Reflector['getAllAndOverride']>[1];
  return new Reflector().getAllAndOverride<Scope | undefined>(neededScope, places);
}

/** The request that a route is tried with. Throws for a parameter or a body that has no sample yet. */
export function attemptOf(route: ServedRoute, victim: Victim): Attempt {
  const { method, description } = route;
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameter(route.path, name, victim));
  if (route.path === '/v1/datasets/{id}/records')
    return { method, path, text: '{"id":"1"}\n', headers: { 'content-type': 'application/x-ndjson' } };
  const isRegistry = route.path.startsWith('/registry');
  const takesBody = method === 'PUT' || description?.body !== undefined || (isRegistry && method === 'POST');
  if (!takesBody) return { method, path };
  const sample = samples(victim)[isRegistry ? 'registry' : routeName(route)];
  if (sample === undefined) throw new Error(`${routeName(route)} takes a body: give it a sample in isolation-fixture.ts`);
  return { method, path, json: sample };
}

/** Bodies that the owner, or the operator, would succeed with: a refusal is then about who asks. */
const samples = (victim: Victim): Readonly<Record<string, unknown>> => ({
  'PUT /v1/participants/{id}': { name: 'Taken over', roles: ['operator'] },
  'PUT /v1/accounts/{name}': { participant: victim.publisher.name, secret: 'a-secret-of-intruders' },
  'POST /v1/api-keys': {
    name: 'taken',
    scopes: ['admin'],
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    account: victim.publisher.name,
  },
  'PUT /v1/datasets/{id}': datasetBody(victim.publisher.name),
  'PUT /v1/datasets/{id}/rights/{kind}': rightOf('somebody-else'),
  'PUT /v1/datasets/{id}/baseline': { policy: baselineOf(victim) },
  'PUT /v1/offers/{id}': { policy: offerOf(victim, victim.offer) },
  'POST /v1/offers/{id}/dry-run': { purpose: 'anything', samples: 0 },
  // Anybody may ask on its own behalf; this offer is not there to be taken.
  'POST /v1/requests': { offer: 'no-such-offer', purpose: 'anything' },
  'POST /v1/requests/{id}/approve': { reason: 'an intruder wants it' },
  'POST /v1/requests/{id}/reject': { reason: 'an intruder wants it' },
  'PUT /v1/agreements/{id}': { policy: victim.policy, delivery: { kind: 'kafka' } },
  'POST /v1/agreements/{id}/credentials': {},
  'POST /v1/agreements/{id}/renew': { until: new Date(Date.now() + 86_400_000).toISOString() },
  'POST /v1/agreements/{id}/kill': { reason: 'an intruder wants it' },
  'POST /v1/datasets/{id}/kill': { reason: 'an intruder wants it' },
  'POST /v1/participants/{id}/kill': { reason: 'an intruder wants it' },
  'POST /v1/agreements/{id}/keys/shred': { confirm: victim.agreement, digest: '0'.repeat(64) },
  'POST /v1/datasets/{id}/keys/shred': { confirm: victim.dataset, digest: '0'.repeat(64) },
  'POST /v1/datasets/{id}/erasures': { subject: 'somebody of others' },
  'POST /v1/duties/{id}/prove': { evidence: 'an intruder says so' },
  'registry': { schema: '"int"', compatibility: 'NONE' },
});

function parameter(path: string, name: string, victim: Victim): string {
  const known: [RegExp, string][] = [
    [/^\/v1\/participants\//, victim.publisher.name],
    [/^\/v1\/accounts\//, victim.publisher.name],
    [/^\/v1\/api-keys\//, victim.apiKeyId],
    [/^\/v1\/datasets\//, name === 'kind' ? 'holder' : victim.dataset],
    [/^\/v1\/offers\//, victim.offer],
    [/^\/v1\/requests\//, victim.request],
    [/^\/v1\/duties\//, victim.duty],
    [/^\/v1\/agreements\//, name === 'generation' ? '1' : victim.agreement],
    [/^\/registry\/schemas\/ids\//, '1'],
    [/^\/registry\/.*\/versions\/\{version\}/, name === 'version' ? '1' : `raw.${victim.dataset}-value`],
    [/^\/registry\//, `raw.${victim.dataset}-value`],
  ];
  const [, value] = known.find(([form]) => form.test(path)) ?? [];
  if (value === undefined) throw new Error(`say in isolation-fixture.ts what {${name}} of ${path} is`);
  return value;
}

/** Null when the answer is as it must be, else what is wrong with it. */
export function fault(route: ServedRoute, intruder: Intruder, answer: Answer, victim: Victim): string | null {
  const wrong = `${routeName(route)} answers ${answer.status} to ${intruder.title}`;
  const text = JSON.stringify(answer.body);
  if (answer.status >= 500) return wrong;
  if (route.isOpen) return null;
  const scope = scopeOf(route);
  if (intruder.kind === 'nobody') return answer.status === 401 ? null : wrong;
  if (intruder.kind === 'suspended') return answer.status === 403 && /suspended/.test(text) ? null : wrong;
  if (intruder.kind === 'key' && scope !== intruder.scope) return answer.status === 403 ? null : wrong;
  // With its scope a key is its account, which others of the intruders are.
  if (intruder.kind === 'key') return null;
  const name = routeName(route);
  if (fixed.includes(name)) return answer.status === 422 ? null : wrong;
  const reads = route.method === 'GET' || lookups.includes(name);
  if (!reads) return [403, 404].includes(answer.status) ? null : wrong;
  if (intruder.kind === 'auditor' || sharedScopes.includes(scope)) return answer.status < 500 ? null : wrong;
  if (answer.status !== 200) return [403, 404].includes(answer.status) ? null : wrong;
  // A list of what is the caller's own.
  if (route.path.includes('{')) return wrong;
  const foreign = [victim.publisher.name, victim.subscriber.name, victim.agreement, victim.dataset, victim.apiKeyId];
  return foreign.some((id) => text.includes(id)) ? `${wrong} and shows what is not the caller's` : null;
}

/** Whether the request may be made with a key of the operator: with the scope of the route it would be carried out. */
export const isHarmless = (route: ServedRoute, { kind, scope }: Intruder): boolean =>
  kind !== 'key' || scopeOf(route) !== scope || route.method === 'GET';
