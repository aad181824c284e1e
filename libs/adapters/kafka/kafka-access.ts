/** Who may do what on a cluster: SCRAM users, ACLs and quotas, changed many at a time, and read as they are. Every change is idempotent. */
import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  AclOperations,
  AclPermissionTypes,
  alterClientQuotasV1,
  alterUserScramCredentialsV0,
  createAclsV3,
  deleteAclsV3,
  describeAclsV3,
  describeClientQuotasV0,
  describeUserScramCredentialsV0,
  ResourcePatternTypes,
  ResourceTypes,
} from './library.ts';
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import { adminCall } from './admin-call.ts';
import type { Cluster } from './cluster.ts';

const operations = {
  read: AclOperations.READ,
  write: AclOperations.WRITE,
  describe: AclOperations.DESCRIBE,
  create: AclOperations.CREATE,
  describeConfigs: AclOperations.DESCRIBE_CONFIGS,
  idempotentWrite: AclOperations.IDEMPOTENT_WRITE,
} as const;

const resources = {
  topic: ResourceTypes.TOPIC,
  group: ResourceTypes.GROUP,
  transactionalId: ResourceTypes.TRANSACTIONAL_ID,
  cluster: ResourceTypes.CLUSTER,
} as const;

/** One permission: this SCRAM user may do this on this resource. */
export interface AclGrant {
  /** Name of the SCRAM user, without `User:`. */
  readonly principal: string;
  readonly resource: keyof typeof resources;
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
  readonly operation: keyof typeof operations;
}

export interface ScramUser {
  readonly name: string;
  readonly password: string;
}

/** What the cluster says now. Rules that Sluice does not make (DENY, other operations or hosts) are not among the grants. */
export interface ActualAccess {
  readonly users: ReadonlySet<string>;
  readonly grants: readonly AclGrant[];
  /** Consumer bytes per second and broker by user. */
  readonly quotas: ReadonlyMap<string, number>;
}

const scramSha512 = 2;
const scramIterations = 8192;
const resourceNotFound = 91;
/** Parts of one request. Deriving the keys of so many users takes a second of a core, on the thread pool. */
const usersPerRequest = 100;
const rulesPerRequest = 500;
const userPrefix = 'User:';

export class KafkaAccess {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Creates users or sets their passwords. Source: RFC 5802 with SHA-512. */
  async setUsers(users: readonly ScramUser[]): Promise<Result<void>> {
    for (const part of partsOf(users, usersPerRequest)) {
      const upserts = await Promise.all(part.map(saltedUser));
      const names = part.length === 1 ? part[0]?.name : `${part.length} users`;
      const set = await adminCall(this.#cluster, [], `setting the credential of ${names}`, () =>
        this.#cluster.call('any', 'control', alterUserScramCredentialsV0.api, [], upserts),
      );
      if (!set.ok) return set;
    }
    return ok(undefined);
  }

  async deleteUsers(names: readonly string[]): Promise<Result<void>> {
    for (const part of partsOf(names, rulesPerRequest)) {
      const deletions = part.map((name) => ({ name, mechanism: scramSha512 }) as const);
      const deleted = await adminCall(this.#cluster, [resourceNotFound], `deleting the credential of ${part.join(', ')}`, () =>
        this.#cluster.call('any', 'control', alterUserScramCredentialsV0.api, deletions, []),
      );
      if (!deleted.ok) return deleted;
    }
    return ok(undefined);
  }

  async allow(grants: readonly AclGrant[]): Promise<Result<void>> {
    for (const part of partsOf(grants, rulesPerRequest)) {
      const allowed = await adminCall(this.#cluster, [], 'granting access', () =>
        this.#cluster.call('any', 'control', createAclsV3.api, part.map(aclOf)),
      );
      if (!allowed.ok) return allowed;
    }
    return ok(undefined);
  }

  /** Takes these permissions away; a live connection is refused from the next request on. */
  async revoke(grants: readonly AclGrant[]): Promise<Result<void>> {
    for (const part of partsOf(grants, rulesPerRequest)) {
      const revoked = await adminCall(this.#cluster, [], 'revoking access', () =>
        this.#cluster.call('any', 'control', deleteAclsV3.api, part.map(aclOf)),
      );
      if (!revoked.ok) return revoked;
    }
    return ok(undefined);
  }

  /** Takes every permission of these users away, whatever it is: what cuts live connections. */
  async revokeAllOf(principals: readonly string[]): Promise<Result<void>> {
    for (const part of partsOf(principals, rulesPerRequest)) {
      const filters = part.map((principal) => ({ ...anyAcl, principal: `${userPrefix}${principal}` }));
      const revoked = await adminCall(this.#cluster, [], 'revoking access', () =>
        this.#cluster.call('any', 'control', deleteAclsV3.api, filters),
      );
      if (!revoked.ok) return revoked;
    }
    return ok(undefined);
  }

  /** Sets how many bytes a second users may fetch from each broker; null for no limit. A broker delays the answers of who takes more. */
  async setQuotas(quotas: ReadonlyMap<string, number | null>): Promise<Result<void>> {
    for (const part of partsOf([...quotas], rulesPerRequest)) {
      const entries = part.map(([user, bytesPerSecond]) => ({
        entities: [{ entityType: 'user' as const, entityName: user }],
        ops: [
          bytesPerSecond === null
            ? { key: 'consumer_byte_rate' as const, remove: true as const }
            : { key: 'consumer_byte_rate' as const, value: bytesPerSecond, remove: false as const },
        ],
      }));
      const set = await adminCall(this.#cluster, [], 'setting quotas', () =>
        this.#cluster.call('any', 'control', alterClientQuotasV1.api, entries, false),
      );
      if (!set.ok) return set;
    }
    return ok(undefined);
  }

  /** Three requests, however many agreements there are. */
  async actual(): Promise<Result<ActualAccess>> {
    const action = 'reading users, permissions and quotas';
    try {
      const call = this.#cluster.call.bind(this.#cluster);
      const { results } = await call('any', 'control', describeUserScramCredentialsV0.api, null);
      const { resources: found } = await call('any', 'control', describeAclsV3.api, anyAcl);
      const { entries } = await call('any', 'control', describeClientQuotasV0.api, [{ entityType: 'user', matchType: 2 }], true);
      return ok({
        users: new Set(results.map(({ user }) => user)),
        grants: found.flatMap(({ acls, ...target }) => acls.flatMap((acl) => grantOf({ ...target, ...acl }))),
        quotas: new Map(
          (entries ?? []).flatMap(({ entity, values }) => {
            const name = entity[0]?.entityName;
            const rate = values.find(({ key }) => key === 'consumer_byte_rate');
            return typeof name === 'string' && rate !== undefined ? [[name, rate.value] as const] : [];
          }),
        ),
      });
    } catch (error) {
      return this.#cluster.failureOf(error, action);
    }
  }
}

async function saltedUser({ name, password }: ScramUser) {
  const salt = randomBytes(32);
  const saltedPassword = await promisify(pbkdf2)(password, salt, scramIterations, 64, 'sha512');
  return { name, mechanism: scramSha512, iterations: scramIterations, salt, saltedPassword } as const;
}

/** Matches every rule (KIP-290: `ANY` for the pattern too). */
const anyAcl = {
  resourceType: ResourceTypes.ANY,
  resourceName: null,
  resourcePatternType: ResourcePatternTypes.ANY,
  principal: null,
  host: null,
  operation: AclOperations.ANY,
  permissionType: AclPermissionTypes.ANY,
};

function aclOf(grant: AclGrant): Parameters<typeof createAclsV3.createRequest>[0][number] {
  return {
    resourceType: resources[grant.resource],
    resourceName: grant.name,
    resourcePatternType: grant.pattern === 'literal' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
    principal: `${userPrefix}${grant.principal}`,
    host: '*',
    operation: operations[grant.operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}

/** The other way round; empty for a rule that is none of ours. */
function grantOf(acl: ReturnType<typeof aclOf>): AclGrant[] {
  const [resource] = Object.entries(resources).find(([, value]) => value === acl.resourceType) ?? [];
  const [operation] = Object.entries(operations).find(([, value]) => value === acl.operation) ?? [];
  const isOurs = acl.permissionType === AclPermissionTypes.ALLOW && acl.host === '*' && acl.principal.startsWith(userPrefix);
  if (!isOurs || resource === undefined || operation === undefined) return [];
  return [
    {
      principal: acl.principal.slice(userPrefix.length),
      resource: resource as AclGrant['resource'],
      name: acl.resourceName,
      pattern: acl.resourcePatternType === ResourcePatternTypes.PREFIXED ? 'prefixed' : 'literal',
      operation: operation as AclGrant['operation'],
    },
  ];
}

function partsOf<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size));
  return parts;
}
