import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isolate, readingParticipant, unisolate } from '../isolate.ts';

/** Access requests: seen by the one who asks and the one who is asked. */
export class Requests1790700000000 implements MigrationInterface {
  readonly name = 'Requests1790700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE access_request (
      id text PRIMARY KEY,
      offer text NOT NULL,
      offer_version integer NOT NULL,
      dataset text NOT NULL REFERENCES dataset (id),
      assigner text NOT NULL REFERENCES participant (id),
      assignee text NOT NULL REFERENCES participant (id),
      agreement text NOT NULL UNIQUE,
      purpose text NOT NULL,
      fields json,
      until timestamptz,
      note text NOT NULL,
      delivery json NOT NULL,
      policy json NOT NULL,
      program_hashes json NOT NULL,
      made_by text NOT NULL,
      made_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('submitted', 'approved', 'granted', 'rejected', 'withdrawn')),
      decisions json NOT NULL)`);
    await runner.query('CREATE INDEX access_request_assigner ON access_request (assigner, id)');
    await runner.query('CREATE INDEX access_request_assignee ON access_request (assignee, id)');
    await runner.query("CREATE INDEX access_request_approved ON access_request (id) WHERE state = 'approved'");
    await isolate(runner, 'access_request', `assigner = ${readingParticipant} OR assignee = ${readingParticipant}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await unisolate(runner, 'access_request');
    await runner.query('DROP TABLE access_request');
  }
}
