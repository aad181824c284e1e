import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { WrappedKey } from '../../../catalog/index.ts';

export type DutyState = 'open' | 'proved';

/** What a party has to do besides what the machine does, and how it shows that it did. */
@Entity({ name: 'duty' })
export class DutyEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  /** To delete what it has of a subject that was erased. */
  @Column({ type: 'text' })
  kind!: 'delete-subject';

  @Column({ type: 'text' })
  agreement!: string;

  @Column({ type: 'text' })
  dataset!: string;

  @Column({ type: 'text' })
  assigner!: string;

  @Column({ type: 'text' })
  assignee!: string;

  @Column({ type: 'text' })
  erasure!: string;

  /** What stands for the subject in the governed records, JSON, wrapped for the context `duty/<id>`; null where nothing does, and once it is proved. */
  @Column({ type: 'json', nullable: true })
  subjects!: WrappedKey | null;

  @Column({ type: 'timestamptz', name: 'opened_at' })
  openedAt!: Date;

  @Column({ type: 'timestamptz', name: 'due_at' })
  dueAt!: Date;

  @Column({ type: 'text' })
  state!: DutyState;

  /** As the assignee gave it. */
  @Column({ type: 'text', nullable: true })
  evidence!: string | null;

  @Column({ type: 'timestamptz', name: 'proved_at', nullable: true })
  provedAt!: Date | null;

  /** The account that did. */
  @Column({ type: 'text', name: 'proved_by', nullable: true })
  provedBy!: string | null;
}
