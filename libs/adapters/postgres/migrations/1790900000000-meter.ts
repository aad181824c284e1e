import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isolate, unisolate } from '../isolate.ts';

/** What was delivered under each agreement, counted from Receipts; when periods begin; and what a participant was before it was killed. */
export class Meter1790900000000 implements MigrationInterface {
  readonly name = 'Meter1790900000000';

  /**
   * Counts have no foreign key: its check would lock rows that the kill switch must not wait for. They are of agreements that there are, and those are
   * never removed.
   */
  async up(runner: QueryRunner): Promise<void> {
    const counts = ['input', 'delivered', 'withheld', 'refused', 'replayed'];
    const columns = counts.map((name) => `${name} bigint NOT NULL DEFAULT 0 CHECK (${name} >= 0)`).join(', ');
    const balanced = 'CHECK (input + replayed = delivered + withheld + refused)';
    await runner.query(`CREATE TABLE meter (
      agreement text PRIMARY KEY,
      ${columns},
      period_from bigint NOT NULL DEFAULT 0,
      records_max bigint CHECK (records_max > 0),
      ${balanced})`);
    await runner.query('CREATE INDEX meter_exhausted ON meter (agreement) WHERE delivered - period_from >= records_max');
    await runner.query(`CREATE TABLE meter_day (
      agreement text NOT NULL,
      day date NOT NULL,
      ${columns},
      PRIMARY KEY (agreement, day),
      ${balanced})`);
    await runner.query(`CREATE TABLE meter_position (
      topic_id text NOT NULL,
      partition integer NOT NULL,
      next bigint NOT NULL CHECK (next >= 0),
      PRIMARY KEY (topic_id, partition))`);
    await runner.query('ALTER TABLE agreement ADD COLUMN starts_at timestamptz');
    await runner.query(`CREATE INDEX agreement_begins ON agreement (starts_at)
      WHERE state = 'suspended' AND holds::jsonb @> '[{"kind":"period"}]'`);
    // Those that are killed now were let in again by lifting, whatever they had been: nobody knows it of them any more.
    await runner.query("ALTER TABLE kill ADD COLUMN was text CHECK (was IN ('active', 'suspended'))");
    await runner.query("UPDATE kill SET was = 'active' WHERE scope LIKE 'participant/%'");
    // The agreements that the inner query sees are the caller's own.
    for (const table of ['meter', 'meter_day']) await isolate(runner, table, 'agreement IN (SELECT id FROM agreement)');
  }

  /**
   * The release before has no meter and starts nothing later: an agreement with a limit that it would not keep, or whose period has not begun, is suspended
   * there, and that one refuses to resume a policy with such a limit. Counts are lost; they are made anew from the Receipts on the way up.
   */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX agreement_begins');
    await runner.query(`UPDATE agreement SET
        state = CASE WHEN state = 'started' THEN 'suspended' ELSE state END,
        revision = CASE WHEN state = 'started' THEN revision + 1 ELSE revision END,
        holds = to_json(coalesce((SELECT array_agg(hold) FROM json_array_elements(holds) AS hold
            WHERE hold->>'kind' NOT IN ('meter', 'period')), '{}') || json_build_object('kind', 'policy', 'of', dataset,
          'reason', 'its terms have no enforcer here', 'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
      WHERE state <> 'terminated' AND (holds::jsonb @> '[{"kind":"period"}]'
        OR id IN (SELECT agreement FROM meter WHERE records_max IS NOT NULL))`);
    await runner.query('ALTER TABLE kill DROP COLUMN was');
    await runner.query('ALTER TABLE agreement DROP COLUMN starts_at');
    for (const table of ['meter', 'meter_day']) await unisolate(runner, table);
    for (const table of ['meter_position', 'meter_day', 'meter']) await runner.query(`DROP TABLE ${table}`);
  }
}
