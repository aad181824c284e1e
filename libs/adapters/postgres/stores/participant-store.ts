/** Participants and the accounts that act for them. */
import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { AccountEntity } from '../entities/account.entity.ts';
import { ParticipantEntity } from '../entities/participant.entity.ts';

export class ParticipantStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(participant: ParticipantEntity): Promise<Result<void>> {
    return attempt('storing a participant', async () => {
      await this.#manager.upsert(ParticipantEntity, participant, ['id']);
    });
  }

  find(id: string): Promise<Result<ParticipantEntity | null>> {
    return attempt('reading a participant', () => this.#manager.findOneBy(ParticipantEntity, { id }));
  }

  list(): Promise<Result<ParticipantEntity[]>> {
    return attempt('listing participants', () => this.#manager.find(ParticipantEntity, { order: { id: 'ASC' } }));
  }

  putAccount(account: AccountEntity): Promise<Result<void>> {
    return attempt('storing an account', async () => {
      await this.#manager.upsert(AccountEntity, account, ['name']);
    });
  }

  findAccount(name: string): Promise<Result<AccountEntity | null>> {
    return attempt('reading an account', () => this.#manager.findOneBy(AccountEntity, { name }));
  }

  listAccounts(): Promise<Result<AccountEntity[]>> {
    return attempt('listing accounts', () => this.#manager.find(AccountEntity, { order: { name: 'ASC' } }));
  }

  accountsOf(participant: string): Promise<Result<AccountEntity[]>> {
    return attempt('listing accounts', () =>
      this.#manager.find(AccountEntity, { where: { participant }, order: { name: 'ASC' } }),
    );
  }
}
