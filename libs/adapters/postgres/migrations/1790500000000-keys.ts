import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isolate, readingParticipant, unisolate } from '../isolate.ts';

/** Data keys by epoch in a table of their own, erased subjects, and duties. */
export class Keys1790500000000 implements MigrationInterface {
  readonly name = 'Keys1790500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE data_key (
      owner_kind text NOT NULL CHECK (owner_kind IN ('agreement', 'dataset')),
      owner text NOT NULL,
      epoch integer NOT NULL CHECK (epoch > 0),
      wrapped json,
      state text NOT NULL CHECK (state IN ('active', 'retired', 'shredded')),
      created_at timestamptz NOT NULL,
      PRIMARY KEY (owner_kind, owner, epoch),
      CHECK ((state = 'shredded') = (wrapped IS NULL)))`);
    await runner.query(`CREATE UNIQUE INDEX data_key_active ON data_key (owner_kind, owner) WHERE state = 'active'`);
    await runner.query(`INSERT INTO data_key SELECT 'agreement', id, 1, data_key, 'active', now() FROM agreement`);
    await runner.query('ALTER TABLE agreement DROP COLUMN data_key');
    await runner.query(`CREATE TABLE suppression (
      dataset text NOT NULL REFERENCES dataset (id),
      digest text NOT NULL,
      erasure text NOT NULL UNIQUE,
      created_at timestamptz NOT NULL,
      published boolean NOT NULL,
      PRIMARY KEY (dataset, digest))`);
    await runner.query('CREATE INDEX suppression_unpublished ON suppression (dataset) WHERE NOT published');
    await runner.query(`CREATE TABLE duty (
      id text PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('delete-subject')),
      agreement text NOT NULL REFERENCES agreement (id),
      dataset text NOT NULL REFERENCES dataset (id),
      assigner text NOT NULL,
      assignee text NOT NULL,
      erasure text NOT NULL REFERENCES suppression (erasure),
      subjects json,
      opened_at timestamptz NOT NULL,
      due_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('open', 'proved')),
      evidence text,
      proved_at timestamptz,
      proved_by text,
      UNIQUE (agreement, erasure),
      CHECK ((state = 'proved') = (evidence IS NOT NULL AND proved_at IS NOT NULL AND proved_by IS NOT NULL)))`);
    await runner.query('CREATE INDEX duty_assigner ON duty (assigner, id)');
    await runner.query('CREATE INDEX duty_assignee ON duty (assignee, id)');
    await isolate(
      runner,
      'data_key',
      `(owner_kind = 'agreement' AND owner IN (SELECT id FROM agreement))
        OR (owner_kind = 'dataset' AND owner IN (SELECT id FROM dataset WHERE publisher = ${readingParticipant}))`,
      ['wrapped'],
    );
    await isolate(runner, 'suppression', `dataset IN (SELECT id FROM dataset WHERE publisher = ${readingParticipant})`, [
      'digest',
    ]);
    await isolate(runner, 'duty', `assigner = ${readingParticipant} OR assignee = ${readingParticipant}`);
  }

  /**
   * An agreement keeps the key that it governs under. One that was rotated or shredded has none that the release before could open: it wraps each
   * key for the agreement alone, so that such an agreement stands still there.
   */
  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['duty', 'suppression', 'data_key']) await unisolate(runner, table);
    await runner.query('ALTER TABLE agreement ADD COLUMN data_key json');
    await runner.query(`UPDATE agreement SET data_key = coalesce(
      (SELECT wrapped FROM data_key WHERE owner_kind = 'agreement' AND owner = agreement.id AND state = 'active'),
      json_build_object('keyId', 'shredded', 'epoch', 1, 'wrapped', ''))`);
    await runner.query('ALTER TABLE agreement ALTER COLUMN data_key SET NOT NULL');
    await runner.query('DROP TABLE duty');
    await runner.query('DROP TABLE suppression');
    await runner.query('DROP TABLE data_key');
  }
}
