import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { attempt } from '../attempt.ts';

/** Records, as Receipts count them: input + replayed = delivered + withheld + refused. */
export interface MeterCounts {
  readonly input: number;
  readonly delivered: number;
  readonly withheld: number;
  readonly refused: number;
  /** Of the delivered and the withheld: those that were counted as refused before, and then redriven. */
  readonly replayed: number;
}

/** What one agreement had on one day. */
export interface MeterDay extends MeterCounts {
  /** Of UTC: `2026-11-28`. */
  readonly day: string;
}

export interface MeterTotal extends MeterCounts {
  /** Delivered since the period began, which is what the limit is about. */
  readonly used: number;
  /** Null for no limit. */
  readonly recordsMax: number | null;
}

/** A stretch of a topic's partition that was read. */
export interface MeteredStretch {
  readonly topicId: string;
  readonly partition: number;
  readonly from: bigint;
  /** The next offset. */
  readonly to: bigint;
}

const countNames = ['input', 'delivered', 'withheld', 'refused', 'replayed'] as const;
const summed = (table: string): string => countNames.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ');

/** What was delivered under each agreement. SQL by hand: it is for many rows at a time, and for one condition on where counting stands. */
export class MeterStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Where counting goes on, by partition; one that was never counted is absent, and stands at 0. */
  positions(topicId: string): Promise<Result<ReadonlyMap<number, bigint>>> {
    return attempt('reading where the meter stands', async () => {
      const rows: { partition: number; next: string }[] = await this.#manager.query(
        'SELECT partition, next FROM meter_position WHERE topic_id = $1',
        [topicId],
      );
      return new Map(rows.map(({ partition, next }) => [partition, BigInt(next)]));
    });
  }

  /**
   * Moves the position over a stretch: false where it does not stand at its beginning, because somebody else has counted it. Inside of the transaction that
   * adds the counts; the row is locked until that ends.
   */
  advance({ topicId, partition, from, to }: MeteredStretch): Promise<Result<boolean>> {
    return attempt('moving the meter on', async () => {
      const place = [topicId, partition];
      await this.#manager.query('INSERT INTO meter_position VALUES ($1, $2, 0) ON CONFLICT DO NOTHING', place);
      const [, moved]: [unknown, number] = await this.#manager.query(
        'UPDATE meter_position SET next = $3 WHERE topic_id = $1 AND partition = $2 AND next = $4',
        [...place, to.toString(), from.toString()],
      );
      return moved === 1;
    });
  }

  /** Adds counts, at most one for each agreement and day. Those of agreements that are not in this database are passed over. */
  add(counts: readonly (MeterDay & { readonly agreement: string })[]): Promise<Result<void>> {
    return attempt('counting records', async () => {
      const columns = [counts.map(({ agreement }) => agreement), counts.map(({ day }) => day)];
      const given = [...columns, ...countNames.map((name) => counts.map((count) => count[name]))];
      const rows = `unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
        AS given (agreement, day, ${countNames.join(', ')}) WHERE agreement IN (SELECT id FROM agreement)`;
      await this.#manager.query(
        `INSERT INTO meter_day (agreement, day, ${countNames.join(', ')})
          SELECT agreement, day, ${countNames.join(', ')} FROM ${rows} ORDER BY agreement, day
          ON CONFLICT (agreement, day) DO UPDATE SET ${summed('meter_day')}`,
        given,
      );
      await this.#manager.query(
        `INSERT INTO meter (agreement, ${countNames.join(', ')})
          SELECT agreement, ${countNames.map((name) => `sum(${name})`).join(', ')} FROM ${rows} GROUP BY agreement ORDER BY agreement
          ON CONFLICT (agreement) DO UPDATE SET ${summed('meter')}`,
        given,
      );
    });
  }

  /** How many records its policy lets an agreement have; null for no limit. */
  setLimit(agreement: string, recordsMax: number | null): Promise<Result<void>> {
    return attempt('storing a limit', async () => {
      await this.#manager.query(
        'INSERT INTO meter (agreement, records_max) VALUES ($1, $2) ON CONFLICT (agreement) DO UPDATE SET records_max = excluded.records_max',
        [agreement, recordsMax],
      );
    });
  }

  /** What is delivered from now on is another period's. */
  beginPeriod(agreement: string): Promise<Result<void>> {
    return attempt('beginning a period', async () => {
      await this.#manager.query('UPDATE meter SET period_from = delivered WHERE agreement = $1', [agreement]);
    });
  }

  /** Zeros for an agreement that nothing was counted of yet. */
  total(agreement: string): Promise<Result<MeterTotal>> {
    return attempt('reading a meter', async () => {
      const rows: Record<string, string | null>[] = await this.#manager.query(
        `SELECT ${countNames.join(', ')}, delivered - period_from AS used, records_max FROM meter WHERE agreement = $1`,
        [agreement],
      );
      const [row = {}] = rows;
      const limit = row['records_max'] ?? null;
      return {
        ...countsOf(row),
        used: Number(row['used'] ?? 0),
        recordsMax: limit === null ? null : Number(limit),
      };
    });
  }

  /** The newest first; those before a day when one is given. */
  days(
    agreement: string,
    { before, limit }: { readonly before: string | null; readonly limit: number },
  ): Promise<Result<MeterDay[]>> {
    return attempt('reading a meter', async () => {
      const rows: Record<string, string>[] = await this.#manager.query(
        `SELECT to_char(day, 'YYYY-MM-DD') AS day, ${countNames.join(', ')} FROM meter_day
          WHERE agreement = $1 AND ($2::date IS NULL OR day < $2) ORDER BY meter_day.day DESC LIMIT $3`,
        [agreement, before, limit],
      );
      return rows.map((row) => ({ day: row['day'] ?? '', ...countsOf(row) }));
    });
  }

  /** Agreements that have had all that their policies let them have, and are neither over nor held for it. */
  exhausted(): Promise<Result<{ id: string; dataset: string }[]>> {
    return attempt('looking for used up volumes', () =>
      this.#manager.query(
        `SELECT id, dataset FROM meter JOIN agreement ON id = agreement
          WHERE delivered - period_from >= records_max AND state IN ('started', 'suspended')
            AND NOT holds::jsonb @> '[{"kind":"meter"}]' ORDER BY id`,
      ),
    );
  }
}

function countsOf(row: Readonly<Record<string, string | null>>): MeterCounts {
  const count = (name: (typeof countNames)[number]): number => Number(row[name] ?? 0);
  return {
    input: count('input'),
    delivered: count('delivered'),
    withheld: count('withheld'),
    refused: count('refused'),
    replayed: count('replayed'),
  };
}
