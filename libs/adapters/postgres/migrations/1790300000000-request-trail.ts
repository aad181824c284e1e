import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isolate, readingParticipant } from '../isolate.ts';

/** The audit trail, which only grows, and the answers kept for retries. */
export class RequestTrail1790300000000 implements MigrationInterface {
  readonly name = 'RequestTrail1790300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE audit_entry (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      time timestamptz NOT NULL,
      account text NOT NULL,
      participant text NOT NULL,
      route text NOT NULL,
      target json NOT NULL,
      outcome integer)`);
    await runner.query('CREATE INDEX audit_entry_time ON audit_entry (time)');
    await runner.query('CREATE INDEX audit_entry_account ON audit_entry (account, id)');
    await runner.query('CREATE INDEX audit_entry_participant ON audit_entry (participant, id)');
    await runner.query(`CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'UPDATE' AND OLD.outcome IS NULL AND NEW.outcome IS NOT NULL
          AND (NEW.id, NEW.time, NEW.account, NEW.participant, NEW.route, NEW.target::text)
            = (OLD.id, OLD.time, OLD.account, OLD.participant, OLD.route, OLD.target::text) THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'an audit entry is never changed' USING ERRCODE = 'integrity_constraint_violation';
      END $$`);
    await runner.query(`CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry
      FOR EACH ROW EXECUTE FUNCTION audit_entry_stays()`);
    await runner.query(`CREATE TRIGGER audit_entry_stays_whole BEFORE TRUNCATE ON audit_entry
      FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays()`);
    await isolate(runner, 'audit_entry', `participant = ${readingParticipant}`);
    await runner.query(`CREATE TABLE idempotent_answer (
      account text NOT NULL,
      key text NOT NULL,
      digest text NOT NULL,
      started timestamptz NOT NULL,
      answer json,
      PRIMARY KEY (account, key))`);
    await runner.query('CREATE INDEX idempotent_answer_started ON idempotent_answer (started)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotent_answer');
    await runner.query('DROP TABLE audit_entry');
    await runner.query('DROP FUNCTION audit_entry_stays');
  }
}
