import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import type { WrappedKey } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import { DutyEntity } from '../entities/duty.entity.ts';
import type { DutyState } from '../entities/duty.entity.ts';
import { SuppressionEntity } from '../entities/suppression.entity.ts';

export interface DutyQuery {
  readonly agreement?: string;
  readonly state?: DutyState;
  /** Only those that come after it: an id. */
  readonly after?: string;
  readonly limit: number;
}

/** Erased subjects, and the duties that come of them. */
export class SuppressionStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** The one that is there: the given one, or an earlier one of the same subject. */
  add(suppression: SuppressionEntity): Promise<Result<SuppressionEntity>> {
    return attempt('storing an erased subject', async () => {
      await this.#manager.createQueryBuilder().insert().into(SuppressionEntity).values(suppression).orIgnore().execute();
      const { dataset, digest } = suppression;
      return this.#manager.findOneByOrFail(SuppressionEntity, { dataset, digest });
    });
  }

  /** How many are in the topic, by dataset; one without any is absent. */
  publishedCounts(datasets: readonly string[]): Promise<Result<ReadonlyMap<string, number>>> {
    return attempt('counting erased subjects', async () => {
      const rows: { dataset: string; count: number }[] = await this.#manager.query(
        'SELECT dataset, count(*)::integer AS count FROM suppression WHERE published AND dataset = ANY ($1) GROUP BY dataset',
        [datasets],
      );
      return new Map(rows.map(({ dataset, count }) => [dataset, count]));
    });
  }

  /** How many there are of a dataset: also for what answers a caller, who may not read the digests. */
  erasuresOf(dataset: string): Promise<Result<number>> {
    return attempt('counting erased subjects', async () => {
      const rows: { count: number }[] = await this.#manager.query(
        'SELECT count(*)::integer AS count FROM suppression WHERE dataset = $1',
        [dataset],
      );
      return rows[0]?.count ?? 0;
    });
  }

  unpublishedOf(dataset: string): Promise<Result<SuppressionEntity[]>> {
    return attempt('listing erased subjects', () => this.#manager.findBy(SuppressionEntity, { dataset, published: false }));
  }

  /** Datasets with some that are not known to be in the topic. */
  unpublished(): Promise<Result<string[]>> {
    return attempt('listing erased subjects', async () => {
      const rows: { dataset: string }[] = await this.#manager.query(
        'SELECT DISTINCT dataset FROM suppression WHERE NOT published ORDER BY dataset',
      );
      return rows.map(({ dataset }) => dataset);
    });
  }

  /** All that the topic should have. */
  published(): Promise<Result<SuppressionEntity[]>> {
    return attempt('listing erased subjects', () => this.#manager.findBy(SuppressionEntity, { published: true }));
  }

  /** Takes the note back: they are published again. */
  markUnpublished(erasures: readonly string[]): Promise<Result<void>> {
    return attempt('noting erased subjects', async () => {
      await this.#manager.query('UPDATE suppression SET published = false WHERE erasure = ANY ($1)', [erasures]);
    });
  }

  markPublished(erasures: readonly string[]): Promise<Result<void>> {
    return attempt('noting erased subjects', async () => {
      await this.#manager.query('UPDATE suppression SET published = true WHERE erasure = ANY ($1)', [erasures]);
    });
  }

  /** One that is there already stays as it is. */
  addDuty(duty: DutyEntity): Promise<Result<void>> {
    return attempt('storing a duty', async () => {
      await this.#manager.createQueryBuilder().insert().into(DutyEntity).values(duty).orIgnore().execute();
    });
  }

  dutiesOf(erasure: string): Promise<Result<DutyEntity[]>> {
    return attempt('listing duties', () => this.#manager.find(DutyEntity, { where: { erasure }, order: { agreement: 'ASC' } }));
  }

  findDuty(id: string): Promise<Result<DutyEntity | null>> {
    return attempt('reading a duty', () => this.#manager.findOneBy(DutyEntity, { id }));
  }

  /** In the order of their ids. */
  pageOfDuties({ agreement, state, after, limit }: DutyQuery): Promise<Result<DutyEntity[]>> {
    return attempt('listing duties', () => {
      const query = this.#manager.createQueryBuilder(DutyEntity, 'duty').orderBy('duty.id').limit(limit);
      if (agreement !== undefined) query.andWhere('duty.agreement = :agreement', { agreement });
      if (state !== undefined) query.andWhere('duty.state = :state', { state });
      if (after !== undefined) query.andWhere('duty.id > :after', { after });
      return query.getMany();
    });
  }

  /** Duties whose subjects another master key than this one wrapped, after this id. */
  dutiesNotUnder(keyId: string, after: string, most: number): Promise<Result<DutyEntity[]>> {
    return attempt('listing duties', () =>
      this.#manager
        .createQueryBuilder(DutyEntity, 'duty')
        .where("duty.subjects->>'keyId' <> :keyId AND duty.id > :after", { keyId, after })
        .orderBy('duty.id')
        .limit(most)
        .getMany(),
    );
  }

  /** While it is open. */
  rewrappedDuty(id: string, subjects: WrappedKey): Promise<Result<void>> {
    return attempt('storing a duty', async () => {
      await this.#manager.update(DutyEntity, { id, state: 'open' }, { subjects });
    });
  }

  /** Whether it was open. What stood for the subject is kept no longer. */
  prove(id: string, { evidence, by }: { readonly evidence: string; readonly by: string }): Promise<Result<boolean>> {
    return attempt('storing a duty', async () => {
      const proved = { state: 'proved' as const, subjects: null, evidence, provedAt: new Date(), provedBy: by };
      const { affected } = await this.#manager.update(DutyEntity, { id, state: 'open' }, proved);
      return affected === 1;
    });
  }
}
