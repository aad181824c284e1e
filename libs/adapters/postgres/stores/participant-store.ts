/** Participants and the accounts that act for them. */
import type { EntityManager } from 'typeorm';
import { MoreThan } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { AccountEntity } from '../entities/account.entity.ts';
import { ParticipantEntity } from '../entities/participant.entity.ts';

/** An account without the hash of its secret, which no caller reads. */
export type AccountRow = Omit<AccountEntity, 'secretHash'>;

const readable = {
  name: true,
  participant: true,
  kind: true,
  displayName: true,
  roles: true,
  oidcIssuer: true,
  oidcSubject: true,
};

/** Where a page of a list goes on: after this key, at most so many rows. */
export interface PageAfter {
  readonly after: string | null;
  readonly most: number;
}

export class ParticipantStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Fails with `conflict` for a credit code that another participant has. */
  put(participant: ParticipantEntity): Promise<Result<void>> {
    return attempt('storing a participant', async () => {
      await this.#manager.upsert(ParticipantEntity, participant, ['id']);
    });
  }

  find(id: string): Promise<Result<ParticipantEntity | null>> {
    return attempt('reading a participant', () => this.#manager.findOneBy(ParticipantEntity, { id }));
  }

  /** In the order of ids. */
  list({ after, most }: PageAfter): Promise<Result<ParticipantEntity[]>> {
    return attempt('listing participants', () =>
      this.#manager.find(ParticipantEntity, {
        where: after === null ? {} : { id: MoreThan(after) },
        order: { id: 'ASC' },
        take: most,
      }),
    );
  }

  putAccount(account: AccountEntity): Promise<Result<void>> {
    return attempt('storing an account', async () => {
      await this.#manager.upsert(AccountEntity, account, ['name']);
    });
  }

  /** With the hash: to check a secret, never to answer a caller, whose own reading it would fail. */
  findAccount(name: string): Promise<Result<AccountEntity | null>> {
    return attempt('reading an account', () => this.#manager.findOneBy(AccountEntity, { name }));
  }

  accountOfSubject(oidcIssuer: string, oidcSubject: string): Promise<Result<AccountRow | null>> {
    return attempt('reading an account', () =>
      this.#manager.findOne(AccountEntity, { where: { oidcIssuer, oidcSubject }, select: readable }),
    );
  }

  readAccount(name: string): Promise<Result<AccountRow | null>> {
    return attempt('reading an account', () => this.#manager.findOne(AccountEntity, { where: { name }, select: readable }));
  }

  /** Of one participant, or of all for null, in the order of names. */
  listAccounts(participant: string | null, { after, most }: PageAfter): Promise<Result<AccountRow[]>> {
    return attempt('listing accounts', () =>
      this.#manager.find(AccountEntity, {
        where: { ...(participant === null ? {} : { participant }), ...(after === null ? {} : { name: MoreThan(after) }) },
        order: { name: 'ASC' },
        select: readable,
        take: most,
      }),
    );
  }

  /** Every account with a secret, which is a Kafka user as well, and whether its participant is active. */
  kafkaAccounts(): Promise<Result<{ name: string; participant: string; isActive: boolean }[]>> {
    return attempt('listing accounts', () =>
      this.#manager.query(
        `SELECT account.name, account.participant, participant.state = 'active' AS "isActive"
          FROM account JOIN participant ON participant.id = account.participant
          WHERE account.secret_hash IS NOT NULL ORDER BY account.name`,
      ),
    );
  }

  accountsOf(participant: string): Promise<Result<AccountRow[]>> {
    return attempt('listing accounts', () =>
      this.#manager.find(AccountEntity, { where: { participant }, order: { name: 'ASC' }, select: readable }),
    );
  }
}
