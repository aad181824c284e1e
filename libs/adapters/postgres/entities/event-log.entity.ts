import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A lifecycle event: written with the change it tells of, sent to `sluice.events` after, and stored once whoever sent it. */
@Entity({ name: 'event_log' })
export class EventLogEntity {
  /** CloudEvents `id`, unique with `source`. */
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @PrimaryColumn({ type: 'text' })
  source!: string;

  @Column({ type: 'text' })
  type!: string;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'timestamptz' })
  time!: Date;

  @Column({ type: 'json' })
  data!: unknown;

  /** Grows in the order of writing; a bigint, so a text here. */
  @Column({ type: 'bigint', insert: false, update: false })
  sequence!: string;

  /** False until the event is in the topic. */
  @Column({ type: 'boolean' })
  sent!: boolean;
}
