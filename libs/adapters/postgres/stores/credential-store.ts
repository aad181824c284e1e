import type { EntityManager } from 'typeorm';
import { In, LessThanOrEqual } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import type { CredentialState } from '../entities/credential.entity.ts';
import { CredentialEntity } from '../entities/credential.entity.ts';

/** A credential without the digest of its password, which no caller reads. */
export type CredentialRow = Omit<CredentialEntity, 'digest'>;

const readable = {
  agreement: true,
  generation: true,
  kafkaUser: true,
  state: true,
  byteRate: true,
  createdAt: true,
  endsAt: true,
};

/** In which a credential has, or is about to get, permissions. */
const live: CredentialState[] = ['pending', 'active', 'retiring'];

/** Kafka users of agreements. */
export class CredentialStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Fails with `conflict` for a generation that there is. */
  add(credential: CredentialEntity): Promise<Result<void>> {
    return attempt('storing a credential', async () => {
      await this.#manager.insert(CredentialEntity, credential);
    });
  }

  /** From the oldest on. */
  ofAgreement(agreement: string): Promise<Result<CredentialRow[]>> {
    return attempt('listing credentials', () =>
      this.#manager.find(CredentialEntity, {
        where: { agreement },
        order: { generation: 'ASC' },
        select: readable,
      }),
    );
  }

  /** Of these agreements, what has or is about to get permissions. */
  liveOf(agreements: readonly string[]): Promise<Result<CredentialRow[]>> {
    return attempt('listing credentials', () =>
      this.#manager
        .createQueryBuilder(CredentialEntity, 'credential')
        .select(Object.keys(readable).map((name) => `credential.${name}`))
        .where('credential.agreement = ANY (:agreements) AND credential.state = ANY (:live)', { agreements, live })
        .orderBy('credential.kafka_user')
        .getMany(),
    );
  }

  /** Of these agreements, in any state. */
  ofAgreements(agreements: readonly string[]): Promise<Result<CredentialRow[]>> {
    return attempt('listing credentials', () =>
      this.#manager.find(CredentialEntity, {
        where: { agreement: In([...agreements]) },
        order: { agreement: 'ASC', generation: 'ASC' },
        select: readable,
      }),
    );
  }

  /** Of all agreements, in any state. */
  list(): Promise<Result<CredentialRow[]>> {
    return attempt('listing credentials', () =>
      this.#manager.find(CredentialEntity, {
        order: { agreement: 'ASC', generation: 'ASC' },
        select: readable,
      }),
    );
  }

  /** Those that are being made, or whose making a crash ended. */
  pending(): Promise<Result<CredentialRow[]>> {
    return attempt('listing credentials', () =>
      this.#manager.find(CredentialEntity, {
        where: { state: 'pending' },
        order: { kafkaUser: 'ASC' },
        select: readable,
      }),
    );
  }

  /** With the digest: to check a password, never to answer a caller, whose own reading it would fail. */
  findUser(kafkaUser: string): Promise<Result<CredentialEntity | null>> {
    return attempt('reading a credential', () => this.#manager.findOneBy(CredentialEntity, { kafkaUser }));
  }

  /** Whether it was in one of these states, and is in the next one now. */
  change(
    { agreement, generation }: Pick<CredentialEntity, 'agreement' | 'generation'>,
    from: readonly CredentialState[],
    to: Partial<Pick<CredentialEntity, 'state' | 'endsAt' | 'byteRate'>>,
  ): Promise<Result<boolean>> {
    return attempt('changing a credential', async () => {
      const { affected } = await this.#manager.update(CredentialEntity, { agreement, generation, state: In([...from]) }, to);
      return affected === 1;
    });
  }

  /** Ends every live credential of these agreements, and answers the names of their Kafka users. */
  revokeAll(agreements: readonly string[]): Promise<Result<string[]>> {
    return attempt('revoking credentials', async () => {
      const [rows]: [{ kafka_user: string }[], number] = await this.#manager.query(
        "UPDATE credential SET state = 'revoked' WHERE agreement = ANY ($1) AND state = ANY ($2) RETURNING kafka_user",
        [agreements, live],
      );
      return rows.map(({ kafka_user: name }) => name);
    });
  }

  /** Sets the end of those that are not retiring already, as the end of their agreement has changed. */
  endWith(agreement: string, endsAt: Date | null): Promise<Result<void>> {
    return attempt('changing credentials', async () => {
      await this.#manager.update(CredentialEntity, { agreement, state: In(['pending', 'active']) }, { endsAt });
    });
  }

  /** Agreements of live credentials whose end has come. */
  ended(at: Date): Promise<Result<string[]>> {
    return attempt('listing ended credentials', async () => {
      const rows = await this.#manager.find(CredentialEntity, {
        where: { endsAt: LessThanOrEqual(at), state: In(live) },
        select: { agreement: true, generation: true },
      });
      return [...new Set(rows.map(({ agreement }) => agreement))];
    });
  }
}
