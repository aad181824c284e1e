import type { EntityManager } from 'typeorm';
import { LessThan } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { fail, ok } from '../../../base/index.ts';
import type { Hold, TransferState } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import { AgreementEntity } from '../entities/agreement.entity.ts';

export interface AgreementQuery {
  readonly dataset?: string;
  readonly state?: TransferState;
  readonly party?: string;
  readonly after?: string;
  readonly limit: number;
}

/** What a change of state is decided by and sets. */
export type AgreementStanding = Pick<AgreementEntity, 'id' | 'dataset' | 'state' | 'holds' | 'expiresAt' | 'revision'>;

/** Agreements with the state of their directives. */
export class AgreementStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /**
   * `after` is the revision that it had when it was read, null for a new one. Fails with `conflict` when it has another one by now: somebody
   * who did not wait for the lock, as the kill switch does not, must not be overwritten.
   */
  async put(agreement: AgreementEntity, after: number | null): Promise<Result<void>> {
    const columns = columnsOf(agreement);
    if (after === null)
      return attempt('storing an agreement', async () => {
        await this.#manager.insert(AgreementEntity, columns);
      });
    const updated = await attempt('storing an agreement', () =>
      this.#manager.update(AgreementEntity, { id: agreement.id, revision: after }, columns),
    );
    if (!updated.ok) return updated;
    return updated.value.affected === 1
      ? ok(undefined)
      : fail('conflict', `agreement ${agreement.id} was changed meanwhile; try again`);
  }

  find(id: string): Promise<Result<AgreementEntity | null>> {
    return attempt('reading an agreement', () => this.#manager.findOneBy(AgreementEntity, { id }));
  }

  list(): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () => this.#manager.find(AgreementEntity, { order: { id: 'ASC' } }));
  }

  /** Agreements in the order of their ids, from the one after `after`. `party` is one of the two participants. */
  page({ dataset, state, party, after, limit }: AgreementQuery): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () => {
      const query = this.#manager.createQueryBuilder(AgreementEntity, 'agreement').orderBy('agreement.id').limit(limit);
      if (after !== undefined) query.andWhere('agreement.id > :after', { after });
      if (dataset !== undefined) query.andWhere('agreement.dataset = :dataset', { dataset });
      if (state !== undefined) query.andWhere('agreement.state = :state', { state });
      if (party !== undefined) query.andWhere('(agreement.assigner = :party OR agreement.assignee = :party)', { party });
      return query.getMany();
    });
  }

  ofDataset(dataset: string): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () =>
      this.#manager.find(AgreementEntity, {
        where: { dataset },
        order: { id: 'ASC' },
      }),
    );
  }

  ofAssignee(assignee: string): Promise<Result<AgreementEntity[]>> {
    return attempt('listing agreements', () =>
      this.#manager.find(AgreementEntity, {
        where: { assignee },
        order: { id: 'ASC' },
      }),
    );
  }

  /** Everything but policy, delivery and key, of all agreements: to compare with what Kafka has. */
  outlines(): Promise<Result<AgreementOutline[]>> {
    return attempt('listing agreements', () =>
      this.#manager.find(AgreementEntity, {
        select: {
          id: true,
          dataset: true,
          assignee: true,
          state: true,
          revision: true,
          publishedRevision: true,
        },
        order: { id: 'ASC' },
      }),
    );
  }

  /** Locks the agreements of a scope until the transaction ends, those that are terminated left out. */
  standingsOf(
    scope: { readonly id: string } | { readonly dataset: string } | { readonly party: string },
  ): Promise<Result<AgreementStanding[]>> {
    return attempt('reading agreements', () => {
      const query = this.#manager
        .createQueryBuilder(AgreementEntity, 'agreement')
        .select(['id', 'dataset', 'state', 'holds', 'expiresAt', 'revision'].map((name) => `agreement.${name}`))
        .where("agreement.state <> 'terminated'")
        .orderBy('agreement.id')
        .setLock('pessimistic_write');
      if ('id' in scope) query.andWhere('agreement.id = :id', scope);
      else if ('dataset' in scope) query.andWhere('agreement.dataset = :dataset', scope);
      else query.andWhere('(agreement.assigner = :party OR agreement.assignee = :party)', scope);
      return query.getMany();
    });
  }

  /** Those that are not terminated and that a hold of this name keeps. */
  heldBy(of: string): Promise<Result<{ id: string; dataset: string }[]>> {
    return attempt('listing agreements', () =>
      this.#manager.query(
        `SELECT id, dataset FROM agreement WHERE state <> 'terminated' AND holds::jsonb @> jsonb_build_array(jsonb_build_object('of', $1::text))
          ORDER BY dataset, id`,
        [of],
      ),
    );
  }

  /** Sets state, holds and end of many at once, each with its next revision. The caller has them locked. */
  setStandings(standings: readonly AgreementStanding[]): Promise<Result<void>> {
    return attempt('storing agreements', async () => {
      await this.#manager.query(
        `UPDATE agreement SET state = given.state, holds = given.holds, expires_at = given.expires_at, revision = given.revision
          FROM unnest($1::text[], $2::text[], $3::json[], $4::timestamptz[], $5::integer[]) AS given (id, state, holds, expires_at, revision)
          WHERE agreement.id = given.id`,
        [
          standings.map(({ id }) => id),
          standings.map(({ state }) => state),
          standings.map(({ holds }) => JSON.stringify(holds satisfies readonly Hold[])),
          standings.map(({ expiresAt }) => expiresAt),
          standings.map(({ revision }) => revision),
        ],
      );
    });
  }

  /** Those whose delivery has a secret that another master key than this one wrapped, after this id. */
  deliveriesNotUnder(keyId: string, after: string, most: number): Promise<Result<AgreementEntity[]>> {
    return attempt('listing deliveries', () =>
      this.#manager
        .createQueryBuilder(AgreementEntity, 'agreement')
        .where(
          "coalesce(agreement.delivery->'secret'->>'keyId', agreement.delivery->'password'->>'keyId') <> :keyId AND agreement.id > :after",
          { keyId, after },
        )
        .orderBy('agreement.id')
        .limit(most)
        .getMany(),
    );
  }

  /** Gives each of these its next revision. */
  raise(ids: readonly string[]): Promise<Result<void>> {
    return attempt('storing agreements', async () => {
      await this.#manager.query('UPDATE agreement SET revision = revision + 1 WHERE id = ANY ($1)', [ids]);
    });
  }

  /** Ids of those whose period is over by then, and that are not completed yet. */
  over(at: Date): Promise<Result<string[]>> {
    return attempt('listing agreements', async () => {
      const rows: { id: string }[] = await this.#manager.query(
        "SELECT id FROM agreement WHERE expires_at <= $1 AND state IN ('started', 'suspended') ORDER BY id",
        [at],
      );
      return rows.map(({ id }) => id);
    });
  }

  /** Ids of those whose period has begun by then, and that still wait for it. */
  begun(at: Date): Promise<Result<string[]>> {
    return attempt('listing agreements', async () => {
      const rows: { id: string }[] = await this.#manager.query(
        `SELECT id FROM agreement WHERE starts_at <= $1 AND state = 'suspended' AND holds::jsonb @> '[{"kind":"period"}]' ORDER BY id`,
        [at],
      );
      return rows.map(({ id }) => id);
    });
  }

  /** Datasets of the agreements whose last revision is not known to be published. */
  unpublished(): Promise<Result<string[]>> {
    return attempt('listing unpublished agreements', async () => {
      const rows: { dataset: string }[] = await this.#manager.query(
        'SELECT DISTINCT dataset FROM agreement WHERE published_revision < revision ORDER BY dataset',
      );
      return rows.map(({ dataset }) => dataset);
    });
  }

  unpublishedOf(dataset: string): Promise<Result<AgreementEntity[]>> {
    return attempt('listing unpublished agreements', () =>
      this.#manager
        .createQueryBuilder(AgreementEntity, 'agreement')
        .where('agreement.dataset = :dataset AND agreement.published_revision < agreement.revision', { dataset })
        .orderBy('agreement.id')
        .getMany(),
    );
  }

  byIds(ids: readonly string[]): Promise<Result<AgreementEntity[]>> {
    return attempt('reading agreements', () =>
      this.#manager
        .createQueryBuilder(AgreementEntity, 'agreement')
        .where('agreement.id = ANY (:ids)', { ids })
        .orderBy('agreement.id')
        .getMany(),
    );
  }

  /** Notes that a revision is in the topic. Never lowers the note. */
  markPublished(id: string, revision: number): Promise<Result<void>> {
    return attempt('noting a published revision', async () => {
      await this.#manager.update(AgreementEntity, { id, publishedRevision: LessThan(revision) }, { publishedRevision: revision });
    });
  }
}

export type AgreementOutline = Pick<AgreementEntity, 'id' | 'dataset' | 'assignee' | 'state' | 'revision' | 'publishedRevision'>;

/** What is given may have more, such as Programs. */
function columnsOf(agreement: AgreementEntity) {
  const { id, dataset, assigner, assignee, policy, delivery, state, revision, publishedRevision, holds, expiresAt, startsAt } =
    agreement;
  const columns = {
    id,
    dataset,
    assigner,
    assignee,
    delivery,
    state,
    revision,
    publishedRevision,
    expiresAt,
    startsAt,
  };
  return { ...columns, policy: policy as object, holds: [...holds] };
}
