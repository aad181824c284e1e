import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { ParticipantState } from './participant.entity.ts';

/** What an operator has cut off and not let on again. */
@Entity({ name: 'kill' })
export class KillEntity {
  /** `agreement/<id>`, `dataset/<id>` or `participant/<id>`. */
  @PrimaryColumn({ type: 'text' })
  scope!: string;

  @Column({ type: 'text' })
  reason!: string;

  /** Who did it. */
  @Column({ type: 'text' })
  account!: string;

  @Column({ type: 'timestamptz' })
  at!: Date;

  /** Of a participant: what it was before, and is again when it is lifted. Null for anything else. */
  @Column({ type: 'text', nullable: true })
  was!: ParticipantState | null;
}
