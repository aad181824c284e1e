import type { EntityManager } from 'typeorm';
import { In } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { KillEntity } from '../entities/kill.entity.ts';
import type { ParticipantState } from '../entities/participant.entity.ts';
import type { ReconciliationReport } from '../entities/reconciliation.entity.ts';
import { ReconciliationEntity } from '../entities/reconciliation.entity.ts';

/** What is cut off, and what the last reconciliation found. */
export class KillStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** The first reason stays. */
  add(kill: KillEntity): Promise<Result<void>> {
    return attempt('noting a kill', async () => {
      await this.#manager.createQueryBuilder().insert().into(KillEntity).values(kill).orIgnore().execute();
    });
  }

  /** What a participant that is killed is to be when it is lifted. Nothing where it is not killed. */
  setWas(scope: string, was: ParticipantState): Promise<Result<void>> {
    return attempt('noting a state', async () => {
      await this.#manager.update(KillEntity, { scope }, { was });
    });
  }

  /** Those of these scopes that are killed. */
  among(scopes: readonly string[]): Promise<Result<KillEntity[]>> {
    return attempt('reading kills', () =>
      this.#manager.find(KillEntity, {
        where: { scope: In([...scopes]) },
        order: { scope: 'ASC' },
      }),
    );
  }

  /** Scopes of participants that are killed. */
  participants(): Promise<Result<string[]>> {
    return attempt('reading kills', async () => {
      const rows = await this.#manager.find(KillEntity, {
        select: { scope: true },
      });
      return rows.flatMap(({ scope }) => (scope.startsWith('participant/') ? [scope.slice('participant/'.length)] : []));
    });
  }

  remove(scope: string): Promise<Result<void>> {
    return attempt('lifting a kill', async () => {
      await this.#manager.delete(KillEntity, { scope });
    });
  }

  putReconciliation(startedAt: Date, endedAt: Date, report: ReconciliationReport): Promise<Result<void>> {
    return attempt('storing a reconciliation', async () => {
      await this.#manager.upsert(ReconciliationEntity, { id: true, startedAt, endedAt, report }, ['id']);
    });
  }

  lastReconciliation(): Promise<Result<ReconciliationEntity | null>> {
    return attempt('reading the last reconciliation', () => this.#manager.findOneBy(ReconciliationEntity, { id: true }));
  }
}
