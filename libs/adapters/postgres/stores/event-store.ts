import type { EntityManager } from 'typeorm';
import { In, LessThan } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';
import { EventLogEntity } from '../entities/event-log.entity.ts';

export interface EventQuery {
  readonly subject?: string;
  readonly type?: string;
  /** Only events that were written before this one: a sequence. */
  readonly before?: string;
  readonly limit: number;
}

/** Lifecycle events: the outbox of our own, and the inbox of what all apps sent. */
export class EventStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Stores an event once; the same source and id again changes nothing. */
  add(event: Omit<EventLogEntity, 'sequence'>): Promise<Result<void>> {
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

  /** In the order in which they were written. */
  unsent(most: number): Promise<Result<EventLogEntity[]>> {
    return attempt('listing unsent events', () =>
      this.#manager.find(EventLogEntity, { where: { sent: false }, order: { sequence: 'ASC' }, take: most }),
    );
  }

  /** By their sequences. */
  markSent(sequences: readonly string[]): Promise<Result<void>> {
    return attempt('noting sent events', async () => {
      await this.#manager.update(EventLogEntity, { sequence: In([...sequences]) }, { sent: true });
    });
  }

  /** The newest first. */
  page({ subject, type, before, limit }: EventQuery): Promise<Result<EventLogEntity[]>> {
    return attempt('listing events', () =>
      this.#manager.find(EventLogEntity, {
        where: {
          ...(subject === undefined ? {} : { subject }),
          ...(type === undefined ? {} : { type }),
          ...(before === undefined ? {} : { sequence: LessThan(before) }),
        },
        order: { sequence: 'DESC' },
        take: limit,
      }),
    );
  }
}
