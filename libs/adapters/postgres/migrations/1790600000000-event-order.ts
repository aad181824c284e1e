import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lifecycle events in the order in which they were written, which clocks of several instances do not tell. */
export class EventOrder1790600000000 implements MigrationInterface {
  readonly name = 'EventOrder1790600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE event_log ADD COLUMN sequence bigint');
    await runner.query(`UPDATE event_log SET sequence = ordered.place
      FROM (SELECT source, id, row_number() OVER (ORDER BY time, source, id) AS place FROM event_log) AS ordered
      WHERE event_log.source = ordered.source AND event_log.id = ordered.id`);
    await runner.query('ALTER TABLE event_log ALTER COLUMN sequence SET NOT NULL');
    await runner.query('ALTER TABLE event_log ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY');
    await runner.query(`SELECT setval(pg_get_serial_sequence('event_log', 'sequence'),
      (SELECT coalesce(max(sequence), 0) + 1 FROM event_log), false)`);
    await runner.query('CREATE UNIQUE INDEX event_log_sequence ON event_log (sequence)');
    await runner.query('CREATE INDEX event_log_unsent ON event_log (sequence) WHERE NOT sent');
    await runner.query('CREATE INDEX event_log_subject ON event_log (subject, sequence)');
    await runner.query('DROP INDEX event_log_time');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX event_log_time ON event_log (time)');
    await runner.query('ALTER TABLE event_log DROP COLUMN sequence');
  }
}
