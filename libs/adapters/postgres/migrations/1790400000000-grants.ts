import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isolate, unisolate } from '../isolate.ts';

/** Programs stored once, what holds an agreement, credentials, kills, and what the last reconciliation found. */
export class Grants1790400000000 implements MigrationInterface {
  readonly name = 'Grants1790400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE program (hash text PRIMARY KEY, manifest text NOT NULL, module bytea NOT NULL)');
    await runner.query('CREATE TABLE program_schema (digest text PRIMARY KEY, text text NOT NULL)');
    await runner.query(`CREATE TABLE agreement_program (
      agreement text NOT NULL REFERENCES agreement (id),
      writer_schema_id integer NOT NULL,
      place integer NOT NULL,
      governed_schema_id integer NOT NULL,
      writer_schema text NOT NULL REFERENCES program_schema (digest),
      governed_schema text NOT NULL REFERENCES program_schema (digest),
      program_hash text NOT NULL REFERENCES program (hash),
      PRIMARY KEY (agreement, writer_schema_id))`);
    await runner.query('CREATE INDEX agreement_program_hash ON agreement_program (program_hash)');
    await runner.query(`INSERT INTO program SELECT DISTINCT ON (hash) p->>'programHash' AS hash, p->>'manifest', decode(p->>'module', 'base64')
      FROM agreement, json_array_elements(programs) AS p`);
    await runner.query(`INSERT INTO program_schema SELECT DISTINCT ${digestOf('text')}, text FROM (
      SELECT p->>'writerSchema' AS text FROM agreement, json_array_elements(programs) AS p
      UNION SELECT p->>'governedSchema' FROM agreement, json_array_elements(programs) AS p) AS texts`);
    await runner.query(`INSERT INTO agreement_program
      SELECT id, (p->>'writerSchemaId')::integer, place, (p->>'governedSchemaId')::integer,
        ${digestOf("p->>'writerSchema'")}, ${digestOf("p->>'governedSchema'")}, p->>'programHash'
      FROM agreement, json_array_elements(programs) WITH ORDINALITY AS one (p, place)`);
    await runner.query("ALTER TABLE agreement DROP COLUMN programs, ADD COLUMN holds json NOT NULL DEFAULT '[]'");
    // What suspended them before was a party.
    await runner.query(`UPDATE agreement SET holds = json_build_array(json_build_object(
      'kind', 'party', 'of', assigner, 'reason', '', 'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
      WHERE state = 'suspended'`);
    await runner.query('CREATE INDEX agreement_assigner ON agreement (assigner, id)');
    await runner.query('CREATE INDEX agreement_assignee ON agreement (assignee, id)');
    await runner.query('CREATE INDEX agreement_unpublished ON agreement (dataset) WHERE published_revision < revision');
    await runner.query(`CREATE INDEX agreement_ends ON agreement (expires_at) WHERE state IN ('started', 'suspended')`);
    await runner.query(`CREATE TABLE credential (
      agreement text NOT NULL REFERENCES agreement (id),
      generation integer NOT NULL CHECK (generation > 0),
      kafka_user text NOT NULL UNIQUE,
      digest text NOT NULL,
      state text NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'revoked', 'lost')),
      byte_rate bigint,
      created_at timestamptz NOT NULL,
      ends_at timestamptz,
      PRIMARY KEY (agreement, generation))`);
    await runner.query(`CREATE INDEX credential_live ON credential (agreement) WHERE state IN ('pending', 'active', 'retiring')`);
    await runner.query(`CREATE TABLE kill (
      scope text PRIMARY KEY,
      reason text NOT NULL,
      account text NOT NULL,
      at timestamptz NOT NULL)`);
    await runner.query(`CREATE TABLE reconciliation (
      id boolean PRIMARY KEY CHECK (id),
      started_at timestamptz NOT NULL,
      ended_at timestamptz NOT NULL,
      report json NOT NULL)`);
    // The agreements that the inner queries see are the caller's own.
    await isolate(runner, 'agreement_program', 'agreement IN (SELECT id FROM agreement)');
    await isolate(runner, 'program', 'hash IN (SELECT program_hash FROM agreement_program)');
    await isolate(
      runner,
      'program_schema',
      'digest IN (SELECT writer_schema FROM agreement_program UNION ALL SELECT governed_schema FROM agreement_program)',
    );
    await isolate(runner, 'credential', 'agreement IN (SELECT id FROM agreement)', ['digest']);
    await isolate(runner, 'kill', 'false');
    await isolate(runner, 'reconciliation', 'false');
  }

  /** Kafka users of credentials stay on the brokers, where nothing is let in by them: their permissions go with the next start. */
  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['program_schema', 'program', 'agreement_program', 'credential', 'kill', 'reconciliation'])
      await unisolate(runner, table);
    await runner.query('ALTER TABLE agreement ADD COLUMN programs json');
    await runner.query(`UPDATE agreement SET programs = coalesce((
      SELECT json_agg(json_build_object(
        'writerSchemaId', link.writer_schema_id, 'writerSchema', writer.text,
        'governedSchemaId', link.governed_schema_id, 'governedSchema', governed.text,
        'manifest', program.manifest, 'module', replace(encode(program.module, 'base64'), E'\\n', ''),
        'programHash', program.hash) ORDER BY link.place)
      FROM agreement_program AS link
      JOIN program ON program.hash = link.program_hash
      JOIN program_schema AS writer ON writer.digest = link.writer_schema
      JOIN program_schema AS governed ON governed.digest = link.governed_schema
      WHERE link.agreement = agreement.id), '[]')`);
    await runner.query('DROP INDEX agreement_assigner, agreement_assignee, agreement_unpublished, agreement_ends');
    await runner.query('ALTER TABLE agreement ALTER COLUMN programs SET NOT NULL, DROP COLUMN holds');
    for (const table of ['agreement_program', 'program', 'program_schema', 'credential', 'kill', 'reconciliation'])
      await runner.query(`DROP TABLE ${table}`);
  }
}

const digestOf = (text: string): string => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;
