/** The audit trail, and what requests with an `Idempotency-Key` were answered. */
import type { EntityManager } from 'typeorm';
import { And, IsNull, LessThan, LessThanOrEqual, MoreThanOrEqual } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import type { WrappedKey } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';
import { AuditEntryEntity, IdempotentAnswerEntity } from '../entities/request-trail.entity.ts';

export interface AuditQuery {
  readonly account?: string;
  readonly participant?: string;
  readonly route?: string;
  readonly from?: Date;
  readonly to?: Date;
  /** Only entries older than this one. */
  readonly before?: string;
  readonly limit: number;
}

export class RequestTrailStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Answers the id of the new entry. */
  begin(entry: Omit<AuditEntryEntity, 'id' | 'time' | 'outcome'>): Promise<Result<string>> {
    return attempt('writing the audit trail', async () => {
      const { identifiers } = await this.#manager.insert(AuditEntryEntity, { ...entry, time: new Date(), outcome: null });
      return String(identifiers[0]?.['id']);
    });
  }

  complete(id: string, outcome: number): Promise<Result<void>> {
    return attempt('writing the audit trail', async () => {
      await this.#manager.update(AuditEntryEntity, { id, outcome: IsNull() }, { outcome });
    });
  }

  /** The newest first. */
  list({ account, participant, route, from, to, before, limit }: AuditQuery): Promise<Result<AuditEntryEntity[]>> {
    const bounds = [...(from === undefined ? [] : [MoreThanOrEqual(from)]), ...(to === undefined ? [] : [LessThanOrEqual(to)])];
    return attempt('reading the audit trail', () =>
      this.#manager.find(AuditEntryEntity, {
        where: {
          ...(account === undefined ? {} : { account }),
          ...(participant === undefined ? {} : { participant }),
          ...(route === undefined ? {} : { route }),
          ...(bounds.length === 0 ? {} : { time: And(...bounds) }),
          ...(before === undefined ? {} : { id: LessThan(before) }),
        },
        order: { id: 'DESC' },
        take: limit,
      }),
    );
  }

  /**
   * Takes the key for this request. Answers null when it is ours to work on, else what is there: another request, running or answered.
   * A request that began before `abandonedBefore` and has no answer died with its process; its key is taken over.
   */
  claim(
    request: Pick<IdempotentAnswerEntity, 'account' | 'key' | 'digest'>,
    abandonedBefore: Date,
  ): Promise<Result<IdempotentAnswerEntity | null>> {
    const { account, key, digest } = request;
    return attempt('taking an idempotency key', async () => {
      const taken: unknown[] = await this.#manager.query(
        `INSERT INTO idempotent_answer AS known (account, key, digest, started) VALUES ($1, $2, $3, now())
         ON CONFLICT (account, key) DO UPDATE SET started = now()
         WHERE known.answer IS NULL AND known.started < $4 AND known.digest = excluded.digest
         RETURNING key`,
        [account, key, digest, abandonedBefore],
      );
      return taken.length > 0 ? null : this.#manager.findOneByOrFail(IdempotentAnswerEntity, { account, key });
    });
  }

  answer(account: string, key: string, answer: WrappedKey): Promise<Result<void>> {
    return attempt('keeping an answer', async () => {
      await this.#manager.update(IdempotentAnswerEntity, { account, key }, { answer });
    });
  }

  /** Gives a key back: the request did not happen, and a retry is to work. */
  release(account: string, key: string): Promise<Result<void>> {
    return attempt('giving an idempotency key back', async () => {
      await this.#manager.delete(IdempotentAnswerEntity, { account, key, answer: IsNull() });
    });
  }

  forgetAnswersBefore(time: Date): Promise<Result<void>> {
    return attempt('forgetting old answers', async () => {
      await this.#manager.delete(IdempotentAnswerEntity, { started: LessThan(time) });
    });
  }
}
