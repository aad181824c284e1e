/** Basic authentication (RFC 7617) against the accounts. */
import { createHmac, randomBytes } from 'node:crypto';

import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { Gate } from '../gate.ts';
import type { Caller } from '../plane.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';

/** How long a verified secret is believed without scrypt, as long as the stored hash stays the same. */
const believedMs = 5 * 60_000;
const believedMax = 1_000;
/** Verifications at once and waiting: each takes about 50 ms of a core, which a stranger must not be able to take all of. */
const runningMax = 2;
const waitingMax = 50;

const refused = fail('unauthenticated', 'the account name or the secret is wrong or missing');

export class Authenticator {
  readonly #database: Database;
  readonly #believed = new Map<string, number>();
  readonly #processKey = randomBytes(32);
  readonly #decoy = hashSecret(randomBytes(16).toString('hex'));
  readonly #gate = new Gate(runningMax, waitingMax);

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param header the Authorization header. Fails with `unauthenticated`, `rate-limited` or `database-unreachable`. */
  async authenticate(header: string | undefined): Promise<Result<Caller>> {
    const credentials = parseBasic(header);
    if (credentials === null) return refused;
    const { participants } = this.#database.stores;
    const account = await participants.findAccount(credentials.name);
    if (!account.ok) return account;
    // An unknown name costs as much time as a wrong secret.
    const hash = account.value?.secretHash ?? (await this.#decoy);
    const verified = await this.#verify(credentials.secret, hash);
    if (!verified.ok) return verified;
    if (!verified.value || account.value === null) return refused;
    const participant = await participants.find(account.value.participant);
    if (!participant.ok) return participant;
    if (participant.value === null) return refused;
    return ok({ account: account.value.name, participant: participant.value.id, role: participant.value.role });
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

function parseBasic(header: string | undefined): { name: string; secret: string } | null {
  const match = /^Basic ([A-Za-z0-9+/=]{1,2000})$/i.exec(header ?? '');
  if (match?.[1] === undefined) return null;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const name = text.slice(0, colon);
  // A NUL has no place in a name, and PostgreSQL would refuse it.
  return colon < 1 || name.includes('\0') ? null : { name, secret: text.slice(colon + 1) };
}
