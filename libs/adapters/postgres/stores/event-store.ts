import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { EventLogEntity } from '../entities/event-log.entity.ts';

/** Lifecycle events. */
export class EventStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Stores an event once; the same source and id again changes nothing. */
  add(event: EventLogEntity): Promise<Result<void>> {
    return attempt('storing an event', async () => {
      await this.#manager
        .createQueryBuilder()
        .insert()
        .into(EventLogEntity)
        .values(event as object)
        .orIgnore()
        .execute();
    });
  }

  unsent(most: number): Promise<Result<EventLogEntity[]>> {
    return attempt('listing unsent events', () =>
      this.#manager.find(EventLogEntity, { where: { sent: false }, order: { time: 'ASC' }, take: most }),
    );
  }

  markSent(source: string, id: string): Promise<Result<void>> {
    return attempt('noting a sent event', async () => {
      await this.#manager.update(EventLogEntity, { source, id }, { sent: true });
    });
  }

  /** The newest first. */
  latest(most: number): Promise<Result<EventLogEntity[]>> {
    return attempt('listing events', () =>
      this.#manager.find(EventLogEntity, { order: { time: 'DESC', id: 'ASC' }, take: most }),
    );
  }
}
