/** API keys. */
import type { EntityManager } from 'typeorm';
import { IsNull, LessThan, MoreThan, Not } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { ApiKeyEntity } from '../entities/api-key.entity.ts';

/** A key as it is shown: without what it is recognized by. */
export type ApiKeyRow = Omit<ApiKeyEntity, 'digest'>;

const readable = {
  id: true,
  account: true,
  participant: true,
  name: true,
  scopes: true,
  createdAt: true,
  expiresAt: true,
  lastUsedAt: true,
};

/** A use is noted no more often than this, milliseconds. */
const noteEveryMs = 60_000;

export class ApiKeyStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(key: ApiKeyEntity): Promise<Result<void>> {
    return attempt('storing an API key', async () => {
      await this.#manager.upsert(ApiKeyEntity, key, ['id']);
    });
  }

  /** With the digest: to check a key, never to answer a caller. */
  find(id: string): Promise<Result<ApiKeyEntity | null>> {
    return attempt('reading an API key', () => this.#manager.findOneBy(ApiKeyEntity, { id }));
  }

  read(id: string): Promise<Result<ApiKeyRow | null>> {
    return attempt('reading an API key', () => this.#manager.findOne(ApiKeyEntity, { where: { id }, select: readable }));
  }

  /** Of one account, or of all for null, in the order of ids. */
  list(
    account: string | null,
    { after, most }: { readonly after: string | null; readonly most: number },
  ): Promise<Result<ApiKeyRow[]>> {
    return attempt('listing API keys', () =>
      this.#manager.find(ApiKeyEntity, {
        where: { ...(account === null ? {} : { account }), ...(after === null ? {} : { id: MoreThan(after) }) },
        order: { id: 'ASC' },
        select: readable,
        take: most,
      }),
    );
  }

  /** Notes a use; one within a minute of the noted one is not. */
  noteUse(id: string, now: Date): Promise<Result<void>> {
    return attempt('noting the use of an API key', async () => {
      const before = new Date(now.getTime() - noteEveryMs);
      await this.#manager.update(
        ApiKeyEntity,
        [
          { id, lastUsedAt: IsNull() },
          { id, lastUsedAt: LessThan(before) },
        ],
        { lastUsedAt: now },
      );
    });
  }

  /** Whether there was one. */
  remove(id: string): Promise<Result<boolean>> {
    return attempt('removing an API key', async () => (await this.#manager.delete(ApiKeyEntity, { id })).affected === 1);
  }

  /** Removes the other keys of an account that have this name. */
  removeOthers(account: string, name: string, id: string): Promise<Result<void>> {
    return attempt('removing API keys', async () => {
      await this.#manager.delete(ApiKeyEntity, { account, name, id: Not(id) });
    });
  }
}
