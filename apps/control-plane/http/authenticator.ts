/** Who calls: an account by name and secret (RFC 7617), by an API key, or by a bearer token (RFC 6750) of a trusted OIDC issuer. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import type { AccountRow, Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, parseBasic } from '../../../libs/base/index.ts';
import { apiKeyId, keyHasDigest } from '../api-key.ts';
import { digestOfPassword } from '../password-digest.ts';
import { Gate } from '../gate.ts';
import type { Caller } from '../plane.ts';
import { isScope } from '../scope.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';
import type { OidcIssuers } from './oidc-issuers.ts';

/** How long a verified secret is believed without scrypt, as long as the stored hash stays the same. */
const believedMs = 5 * 60_000;
const believedMax = 1_000;
/** Verifications at once and waiting: each takes about 50 ms of a core, which a stranger must not be able to take all of. */
const runningMax = 2;
const waitingMax = 50;

const refused = fail('unauthenticated', 'the account name or the secret is wrong or missing');
const keyRefused = fail('unauthenticated', 'the API key is wrong, expired or revoked');

export class Authenticator {
  readonly #database: Database;
  readonly #issuers: OidcIssuers | null;
  readonly #believed = new Map<string, number>();
  readonly #processKey = randomBytes(32);
  readonly #decoy = hashSecret(randomBytes(16).toString('hex'));
  readonly #gate = new Gate(runningMax, waitingMax);

  /** Without issuers a bearer token can only be an API key. */
  constructor(database: Database, issuers: OidcIssuers | null) {
    this.#database = database;
    this.#issuers = issuers;
  }

  /**
   * @param header the Authorization header. Fails with `unauthenticated`, `participant-suspended`, `forbidden`, `rate-limited`,
   * `issuer-unreachable` or `database-unreachable`.
   */
  async authenticate(header: string | undefined): Promise<Result<Caller>> {
    const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,8000})$/i.exec(header ?? '')?.[1];
    if (token !== undefined) return apiKeyId(token) === null ? this.#byToken(token) : this.#byKey(token, null);
    const basic = parseBasic(header);
    if (basic === null) return refused;
    // Kafka's registry clients know Basic only: the key takes the place of the secret.
    return apiKeyId(basic.secret) === null ? this.#bySecret(basic.name, basic.secret) : this.#byKey(basic.secret, basic.name);
  }

  async #bySecret(name: string, secret: string): Promise<Result<Caller>> {
    if (isCredentialName(name)) return this.#byCredential(name, secret);
    const account = await this.#database.stores.participants.findAccount(name);
    if (!account.ok) return account;
    // An unknown name costs as much time as a wrong secret.
    const hash = account.value?.secretHash ?? (await this.#decoy);
    const verified = await this.#verify(secret, hash);
    if (!verified.ok) return verified;
    if (!verified.value || account.value === null || account.value.secretHash === null) return refused;
    return this.#callerOf(account.value, { scopes: 'all', via: 'secret' });
  }

  /** A credential of an agreement reads schemas, and nothing else. Its password is 256 random bits, so that a digest need not be slow. */
  async #byCredential(name: string, password: string): Promise<Result<Caller>> {
    const { agreements, credentials } = this.#database.stores;
    const known = await credentials.findUser(name);
    if (!known.ok) return known;
    const given = Buffer.from(digestOfPassword(password), 'hex');
    const isRight = known.value !== null && timingSafeEqual(given, Buffer.from(known.value.digest, 'hex'));
    if (!isRight || known.value === null) return refused;
    const { state, endsAt } = known.value;
    if (!(state === 'active' || state === 'retiring') || (endsAt !== null && endsAt <= new Date())) return refused;
    const agreement = await agreements.find(known.value.agreement);
    if (!agreement.ok) return agreement;
    if (agreement.value === null) return refused;
    const account = {
      ...noAccount,
      name,
      participant: agreement.value.assignee,
    };
    return this.#callerOf(account, { scopes: ['registry'], via: 'credential' });
  }

  /** @param name the account that the key must be of; null where the caller names none. */
  async #byKey(key: string, name: string | null): Promise<Result<Caller>> {
    const { apiKeys, participants } = this.#database.stores;
    const now = new Date();
    const known = await apiKeys.find(apiKeyId(key) ?? '');
    if (!known.ok) return known;
    if (known.value === null || !keyHasDigest(key, known.value.digest)) return keyRefused;
    const { id, account: holder, expiresAt, scopes } = known.value;
    if ((expiresAt !== null && expiresAt <= now) || (name !== null && name !== holder)) return keyRefused;
    const account = await participants.readAccount(holder);
    if (!account.ok) return account;
    if (account.value === null) return keyRefused;
    const caller = await this.#callerOf(account.value, {
      scopes: scopes.filter(isScope),
      via: 'api-key',
    });
    if (caller.ok) await apiKeys.noteUse(id, now);
    return caller;
  }

  async #byToken(token: string): Promise<Result<Caller>> {
    if (this.#issuers === null) return fail('unauthenticated', 'the bearer token is no API key, and no OIDC issuer is trusted');
    const identity = await this.#issuers.verify(token);
    if (!identity.ok) return identity;
    const account = await this.#database.stores.participants.accountOfSubject(identity.value.issuer, identity.value.subject);
    if (!account.ok) return account;
    if (account.value === null) return fail('unauthenticated', 'no account is known under the subject of the token');
    return this.#callerOf(account.value, { scopes: 'all', via: 'oidc' });
  }

  /** Said only to who has proved to be the account. */
  async #callerOf(account: AccountRow, how: Pick<Caller, 'scopes' | 'via'>): Promise<Result<Caller>> {
    const participant = await this.#database.stores.participants.find(account.participant);
    if (!participant.ok) return participant;
    if (participant.value === null) return refused;
    const { id, roles, state } = participant.value;
    if (state === 'suspended') return fail('participant-suspended', `participant ${id} is suspended`);
    const own = account.roles === null ? roles : roles.filter((role) => account.roles?.includes(role));
    if (own.length === 0) return fail('forbidden', `account ${account.name} has no role that its participant still has`);
    return ok({ account: account.name, participant: id, roles: own, ...how });
  }

  async #verify(secret: string, hash: string): Promise<Result<boolean>> {
    const key = createHmac('sha256', this.#processKey).update(hash).update('\0').update(secret).digest('base64');
    const now = performance.now();
    if ((this.#believed.get(key) ?? 0) > now) return ok(true);
    if (this.#gate.isFull) return fail('rate-limited', 'too many secrets are being checked');
    const right = await this.#gate.through(() => verifySecret(secret, hash));
    if (right) this.#believe(key, now + believedMs);
    return ok(right);
  }

  #believe(key: string, until: number): void {
    this.#believed.set(key, until);
    if (this.#believed.size <= believedMax) return;
    const oldest = this.#believed.keys().next();
    if (oldest.done !== true) this.#believed.delete(oldest.value);
  }
}

/** Names of accounts have no dot. */
const isCredentialName = (name: string): boolean => /^[a-z0-9-]{1,64}\.g[1-9]\d{0,9}$/.test(name);

const noAccount: Omit<AccountRow, 'name' | 'participant'> = {
  kind: 'service',
  displayName: null,
  roles: ['subscriber', 'platform'],
  oidcIssuer: null,
  oidcSubject: null,
};
