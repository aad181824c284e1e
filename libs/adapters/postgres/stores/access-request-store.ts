import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import type { RequestState } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import { AccessRequestEntity } from '../entities/access-request.entity.ts';

export interface AccessRequestQuery {
  readonly dataset?: string;
  readonly state?: RequestState;
  /** One of the two participants. Said so, it is found by an index, which row-level security alone does not get PostgreSQL to do. */
  readonly party?: string;
  /** Only those that come after it: an id. */
  readonly after?: string;
  readonly limit: number;
}

export class AccessRequestStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  put(request: AccessRequestEntity): Promise<Result<void>> {
    return attempt('storing a request', async () => {
      await this.#manager.save(AccessRequestEntity, request);
    });
  }

  find(id: string): Promise<Result<AccessRequestEntity | null>> {
    return attempt('reading a request', () => this.#manager.findOneBy(AccessRequestEntity, { id }));
  }

  ofAgreement(agreement: string): Promise<Result<AccessRequestEntity | null>> {
    return attempt('reading a request', () => this.#manager.findOneBy(AccessRequestEntity, { agreement }));
  }

  /** In the order of their ids, which is that of their making. */
  page({ dataset, state, party, after, limit }: AccessRequestQuery): Promise<Result<AccessRequestEntity[]>> {
    return attempt('listing requests', () => {
      const query = this.#manager.createQueryBuilder(AccessRequestEntity, 'request').orderBy('request.id').limit(limit);
      if (after !== undefined) query.andWhere('request.id > :after', { after });
      if (dataset !== undefined) query.andWhere('request.dataset = :dataset', { dataset });
      if (state !== undefined) query.andWhere('request.state = :state', { state });
      if (party !== undefined) query.andWhere('(request.assigner = :party OR request.assignee = :party)', { party });
      return query.getMany();
    });
  }

  /** Those whose delivery has a secret that another master key than this one wrapped, after this id. */
  deliveriesNotUnder(keyId: string, after: string, most: number): Promise<Result<AccessRequestEntity[]>> {
    return attempt('listing deliveries', () =>
      this.#manager
        .createQueryBuilder(AccessRequestEntity, 'request')
        .where(
          "coalesce(request.delivery->'secret'->>'keyId', request.delivery->'password'->>'keyId') <> :keyId AND request.id > :after",
          { keyId, after },
        )
        .orderBy('request.id')
        .limit(most)
        .getMany(),
    );
  }

  /** Stores the delivery alone: what else a request is may change meanwhile. */
  putDelivery(id: string, delivery: AccessRequestEntity['delivery']): Promise<Result<void>> {
    return attempt('storing a delivery', async () => {
      await this.#manager.update(AccessRequestEntity, { id }, { delivery });
    });
  }

  /** Approved and not yet granted: the oldest first. */
  approved(most: number): Promise<Result<AccessRequestEntity[]>> {
    return attempt('listing approved requests', () =>
      this.#manager.find(AccessRequestEntity, { where: { state: 'approved' }, order: { id: 'ASC' }, take: most }),
    );
  }
}
