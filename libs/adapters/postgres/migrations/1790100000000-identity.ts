import type { MigrationInterface, QueryRunner } from 'typeorm';

import { ensureCallerRole, isolate, readingParticipant, share, unisolate } from '../isolate.ts';

/** Participants with several roles, kinds of accounts, API keys, and what a caller reads of each table. */
export class Identity1790100000000 implements MigrationInterface {
  readonly name = 'Identity1790100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE participant ADD COLUMN roles text[]');
    await runner.query('UPDATE participant SET roles = ARRAY[role]');
    await runner.query(`ALTER TABLE participant DROP COLUMN role,
      ALTER COLUMN roles SET NOT NULL,
      ADD CHECK (cardinality(roles) > 0 AND roles <@ ${roles}),
      ADD COLUMN credit_code text UNIQUE,
      ADD COLUMN sector text CHECK (sector ~ '^[A-T]$'),
      ADD COLUMN region text,
      ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended'))`);
    await runner.query(`ALTER TABLE account ALTER COLUMN secret_hash DROP NOT NULL,
      ADD COLUMN kind text NOT NULL DEFAULT 'service' CHECK (kind IN ('person', 'service')),
      ADD COLUMN display_name text,
      ADD COLUMN roles text[] CHECK (cardinality(roles) > 0 AND roles <@ ${roles}),
      ADD COLUMN oidc_issuer text,
      ADD COLUMN oidc_subject text,
      ADD CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL)),
      ADD UNIQUE (oidc_issuer, oidc_subject)`);
    await runner.query('CREATE INDEX account_participant ON account (participant)');
    await runner.query(`CREATE TABLE api_key (
      id text PRIMARY KEY,
      account text NOT NULL REFERENCES account (name),
      participant text NOT NULL REFERENCES participant (id),
      name text NOT NULL,
      scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
      digest text NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      last_used_at timestamptz)`);
    await runner.query('CREATE INDEX api_key_account ON api_key (account)');
    await ensureCallerRole(runner);
    await isolate(runner, 'participant', `id = ${readingParticipant}`);
    await isolate(runner, 'account', `participant = ${readingParticipant}`, ['secret_hash']);
    await isolate(runner, 'api_key', `participant = ${readingParticipant}`, ['digest']);
    await isolate(runner, 'dataset', `state = 'open' OR publisher = ${readingParticipant}`);
    await isolate(runner, 'agreement', `assigner = ${readingParticipant} OR assignee = ${readingParticipant}`);
    // The agreements that the inner query sees are the caller's own.
    await isolate(runner, 'event_log', "type LIKE 'sluice.agreement.%' AND subject IN (SELECT id FROM agreement)");
    for (const table of sharedTables) await share(runner, table);
  }

  /** An account that only an OIDC issuer knows has no place before; nor has a role beside another. */
  async down(runner: QueryRunner): Promise<void> {
    for (const table of sharedTables) await unisolate(runner, table);
    for (const table of ['event_log', 'agreement', 'dataset', 'account', 'participant']) await unisolate(runner, table);
    await runner.query('DROP TABLE api_key');
    await runner.query('DELETE FROM account WHERE secret_hash IS NULL');
    await runner.query(`ALTER TABLE account ALTER COLUMN secret_hash SET NOT NULL,
      DROP COLUMN kind, DROP COLUMN display_name, DROP COLUMN roles, DROP COLUMN oidc_issuer, DROP COLUMN oidc_subject`);
    await runner.query('DROP INDEX account_participant');
    await runner.query('ALTER TABLE participant ADD COLUMN role text');
    await runner.query(`UPDATE participant SET role = CASE
      WHEN 'operator' = ANY (roles) THEN 'operator'
      WHEN 'publisher' = ANY (roles) THEN 'publisher'
      WHEN 'platform' = ANY (roles) THEN 'platform'
      ELSE 'subscriber' END`);
    await runner.query(`ALTER TABLE participant ALTER COLUMN role SET NOT NULL,
      ADD CHECK (role IN ('publisher', 'subscriber', 'platform', 'operator')),
      DROP COLUMN roles, DROP COLUMN credit_code, DROP COLUMN sector, DROP COLUMN region, DROP COLUMN state`);
  }
}

const roles = "ARRAY['publisher', 'subscriber', 'operator', 'auditor', 'platform']";

/** The registry's tables, which any account may read. */
const sharedTables = ['schema', 'subject_version', 'subject_config'] as const;
