/** The difference between what Kafka has and what it should have: applied, it leaves what was wanted and touches nothing foreign. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { AclGrant, ActualAccess, TopicSpec } from '../../../libs/adapters/kafka/index.ts';
import type { AccessPlan, DesiredAccess, DesiredUser } from './reconcile-plan.ts';
import { planAccess, planTopics } from './reconcile-plan.ts';

const names = ['publisher', 'a.g1', 'a.g2', 'b.g1', 'foreign', 'x.g1', 'admin'] as const;
const ours = new Set(['publisher', 'a.g1', 'a.g2', 'b.g1']);
const grantOf = (principal: string, name: string, operation: AclGrant['operation']): AclGrant => ({
  principal,
  resource: 'topic',
  name,
  pattern: 'literal',
  operation,
});

const someGrants = (principal: string) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom('raw.d', 'gov.d.a', 'other'), fc.constantFrom('read' as const, 'write' as const)), {
      maxLength: 6,
      selector: String,
    })
    .map((pairs) => pairs.map(([topic, operation]) => grantOf(principal, topic, operation)));

const rate = fc.option(fc.integer({ min: 1, max: 9 }), { nil: null });

const desiredUser = (name: string): fc.Arbitrary<DesiredUser> =>
  fc.record({ exists: fc.boolean(), grants: someGrants(name), byteRate: rate }).map(({ exists, grants, byteRate }) => ({
    kind: name.includes('.') ? 'credential' : 'account',
    exists,
    grants: exists ? grants : [],
    byteRate: exists ? byteRate : null,
  }));

/** `a.g2` may be nobody's: a stray of a known agreement. */
const anyDesired: fc.Arbitrary<DesiredAccess> = fc
  .tuple(desiredUser('publisher'), desiredUser('a.g1'), fc.option(desiredUser('a.g2')), desiredUser('b.g1'))
  .map(([publisher, first, second, other]) => ({
    users: new Map([
      ['publisher', publisher],
      ['a.g1', first],
      ['b.g1', other],
      ...(second === null ? [] : [['a.g2', second] as const]),
    ]),
    agreements: new Set(['a', 'b']),
    making: new Set<string>(),
  }));

const anyActual: fc.Arbitrary<ActualAccess> = fc
  .tuple(
    fc.subarray([...names]),
    fc.tuple(...names.map(someGrants)),
    fc.tuple(...names.map((name) => rate.map((value) => [name, value] as const))),
  )
  .map(([users, grants, quotas]) => ({
    users: new Set<string>(users),
    grants: grants.flat(),
    quotas: new Map(quotas.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
  }));

const key = (grant: AclGrant): string => JSON.stringify([grant.principal, grant.name, grant.operation]);

/** As the broker would be after the plan was carried out. */
function applied(actual: ActualAccess, plan: AccessPlan): ActualAccess {
  const gone = new Set(plan.revoke.map(key));
  const quotas = new Map(actual.quotas);
  for (const [name, value] of plan.quotas) {
    if (value === null) quotas.delete(name);
    else quotas.set(name, value);
  }
  return {
    users: new Set([...actual.users].filter((name) => !plan.deleteUsers.includes(name))),
    grants: [...actual.grants.filter((grant) => !gone.has(key(grant))), ...plan.allow],
    quotas,
  };
}

const foreignPart = (actual: ActualAccess): unknown => ({
  users: [...actual.users].filter((name) => !ours.has(name)).toSorted(),
  grants: actual.grants
    .filter(({ principal }) => !ours.has(principal))
    .map(key)
    .toSorted(),
  quotas: [...actual.quotas].flatMap(([name, value]) => (ours.has(name) ? [] : [`${name} ${value}`])).toSorted(),
});

function faultOf(plan: typeof planAccess, desired: DesiredAccess, before: ActualAccess): string | null {
  const after = applied(before, plan(desired, before));
  if (JSON.stringify(foreignPart(after)) !== JSON.stringify(foreignPart(before))) return 'touches what is not ours';
  for (const name of ours) {
    const wanted = desired.users.get(name);
    const isThere = wanted?.exists === true && before.users.has(name);
    const grants = after.grants
      .filter(({ principal }) => principal === name)
      .map(key)
      .toSorted();
    if (after.users.has(name) !== isThere) return `user ${name} is wrong`;
    if (String(grants) !== String(isThere ? (wanted?.grants ?? []).map(key).toSorted() : []))
      return `permissions of ${name} are wrong`;
    if ((after.quotas.get(name) ?? null) !== (isThere ? (wanted?.byteRate ?? null) : null) && isThere)
      return `quota of ${name} is wrong`;
  }
  const again = plan(desired, after);
  const isEmpty = again.revoke.length + again.deleteUsers.length + again.allow.length + again.quotas.size === 0;
  return isEmpty ? null : 'finds something to do a second time';
}

describe('the plan for users, permissions and quotas', () => {
  test('applied to any cluster gives what is wanted, leaves the rest, and is empty the second time', () => {
    fc.assert(
      fc.property(anyDesired, anyActual, (desired, actual) => {
        expect(faultOf(planAccess, desired, actual)).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test('names users that only their owners can make again, and gives nothing to a name that nobody has', () => {
    const users = new Map<string, DesiredUser>([
      [
        'a.g1',
        {
          kind: 'credential',
          exists: true,
          grants: [grantOf('a.g1', 'gov.d.a', 'read')],
          byteRate: 5,
        },
      ],
    ]);
    const desired = {
      users,
      agreements: new Set(['a']),
      making: new Set<string>(),
    };
    const plan = planAccess(desired, {
      users: new Set(),
      grants: [],
      quotas: new Map(),
    });
    expect(plan).toEqual({
      revoke: [],
      deleteUsers: [],
      allow: [],
      quotas: new Map(),
      missing: ['a.g1'],
    });
  });

  test('leaves a credential alone that is being made, and takes one that nobody knows of', () => {
    const actual = {
      users: new Set(['a.g7', 'a.g8', 'z.g1']),
      grants: [grantOf('a.g7', 't', 'read'), grantOf('a.g8', 't', 'read'), grantOf('z.g1', 't', 'read')],
      quotas: new Map<string, number>(),
    };
    const desired = {
      users: new Map<string, DesiredUser>(),
      agreements: new Set(['a']),
      making: new Set(['a.g7']),
    };
    expect(planAccess(desired, actual)).toMatchObject({
      revoke: [actual.grants[1]],
      deleteUsers: ['a.g8'],
    });
  });

  test('that forgets to revoke, or that revokes what is foreign, is found', () => {
    const forgets: typeof planAccess = (desired, actual) => ({
      ...planAccess(desired, actual),
      revoke: [],
    });
    const revokesAll: typeof planAccess = (desired, actual) => ({
      ...planAccess(desired, actual),
      revoke: actual.grants,
    });
    for (const faulty of [forgets, revokesAll]) {
      const property = fc.property(anyDesired, anyActual, (desired, actual) => faultOf(faulty, desired, actual) === null);
      expect(fc.check(property, { numRuns: 2_000 }).failed).toBe(true);
    }
  });
});

describe('the plan for topics', () => {
  const spec = (name: string, more: Partial<TopicSpec> = {}): TopicSpec => ({
    name,
    partitions: 3,
    ...more,
  });

  test('makes what is missing, and tells of what it must not change by itself', () => {
    const desired = [spec('raw.d'), spec('gov.d.a'), spec('gov.d.c', { compacted: true }), spec('gov.d.b')];
    const actual = new Map([
      ['gov.d.a', { partitions: 2, cleanup: 'delete' }],
      ['gov.d.b', { partitions: 3, cleanup: 'delete' }],
      ['gov.d.c', { partitions: 3, cleanup: 'delete' }],
      ['gov.d.over', { partitions: 3 }],
      ['gov.d.stray', { partitions: 3 }],
      ['gov.foreign.x', { partitions: 1 }],
      ['anything', { partitions: 1 }],
    ]);
    const plan = planTopics(desired, actual, {
      datasets: new Set(['d']),
      kept: new Set(['gov.d.over']),
    });
    expect(plan.create).toEqual([desired[0]]);
    expect(plan.reported).toEqual([
      'topic gov.d.a has 2 partitions and should have 3',
      'topic gov.d.c has cleanup.policy delete and should have compact',
      'topic gov.d.stray is of no agreement',
    ]);
  });
});
