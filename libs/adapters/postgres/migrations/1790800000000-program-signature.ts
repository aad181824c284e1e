/** The signature under which each Program was approved for its agreement. Those of before have none yet: the control plane signs them at its next start. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ProgramSignature1790800000000 implements MigrationInterface {
  readonly name = 'ProgramSignature1790800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE agreement_program ADD COLUMN signature text NOT NULL DEFAULT ''`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE agreement_program DROP COLUMN signature');
  }
}
