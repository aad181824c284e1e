import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the last comparison of the database with Kafka came to: one row at most. */
@Entity({ name: 'reconciliation' })
export class ReconciliationEntity {
  @PrimaryColumn({ type: 'boolean' })
  id!: true;

  @Column({ type: 'timestamptz', name: 'started_at' })
  startedAt!: Date;

  @Column({ type: 'timestamptz', name: 'ended_at' })
  endedAt!: Date;

  @Column({ type: 'json' })
  report!: ReconciliationReport;
}

export interface ReconciliationReport {
  /** How many differences there were, by kind. */
  readonly found: Readonly<Record<string, number>>;
  /** How many of them are gone. */
  readonly mended: Readonly<Record<string, number>>;
  /** Sentences about what only people can mend. */
  readonly reported: readonly string[];
}
