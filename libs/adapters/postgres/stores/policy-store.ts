import type { EntityManager } from 'typeorm';
import { LessThan } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { DatasetRightEntity } from '../entities/dataset-right.entity.ts';
import type { PolicyKind } from '../entities/policy.entity.ts';
import { PolicyEntity } from '../entities/policy.entity.ts';

/** Stored policies by version, and the rights that let a dataset be offered. */
export class PolicyStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Fails with `conflict` for a version that there is. */
  add(policy: PolicyEntity): Promise<Result<void>> {
    return attempt('storing a policy', async () => {
      await this.#manager.insert(PolicyEntity, { ...policy, body: policy.body as object });
    });
  }

  newest(kind: PolicyKind, id: string): Promise<Result<PolicyEntity | null>> {
    return attempt('reading a policy', () =>
      this.#manager.findOne(PolicyEntity, { where: { kind, id }, order: { version: 'DESC' } }),
    );
  }

  /** From the newest on, those older than `before`. */
  versions(
    kind: PolicyKind,
    id: string,
    page: { readonly before: number | null; readonly most: number },
  ): Promise<Result<PolicyEntity[]>> {
    return attempt('listing versions of a policy', () =>
      this.#manager.find(PolicyEntity, {
        where: { kind, id, ...(page.before === null ? {} : { version: LessThan(page.before) }) },
        order: { version: 'DESC' },
        take: page.most,
      }),
    );
  }

  /** The newest versions of the offers on a dataset (of all where it is null) that can be taken, in the order of ids. */
  openOffers(
    dataset: string | null,
    page: { readonly after: string | null; readonly most: number | null },
  ): Promise<Result<PolicyEntity[]>> {
    return attempt('listing offers', () => {
      const query = this.#manager
        .createQueryBuilder(PolicyEntity, 'policy')
        .where("policy.kind = 'offer' AND policy.withdrawn_at IS NULL")
        .andWhere(
          "policy.version = (SELECT max(other.version) FROM policy other WHERE other.kind = 'offer' AND other.id = policy.id)",
        )
        .orderBy('policy.id', 'ASC');
      if (dataset !== null) query.andWhere('policy.dataset = :dataset', { dataset });
      if (page.after !== null) query.andWhere('policy.id > :after', { after: page.after });
      if (page.most !== null) query.limit(page.most);
      return query.getMany();
    });
  }

  withdraw(id: string, version: number, at: Date): Promise<Result<void>> {
    return attempt('withdrawing an offer', async () => {
      await this.#manager.update(PolicyEntity, { kind: 'offer' as const, id, version }, { withdrawnAt: at });
    });
  }

  putRight(right: DatasetRightEntity): Promise<Result<void>> {
    return attempt('storing a right', async () => {
      await this.#manager.upsert(DatasetRightEntity, right, ['dataset', 'kind']);
    });
  }

  rights(dataset: string): Promise<Result<DatasetRightEntity[]>> {
    return attempt('reading rights', () =>
      this.#manager.find(DatasetRightEntity, { where: { dataset }, order: { kind: 'ASC' } }),
    );
  }
}
