import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Delivery, Hold, TransferState } from '../../../catalog/index.ts';

/** A policy that two participants accepted, with everything its directive says but its Programs and its key, which have stores of their own. */
@Entity({ name: 'agreement' })
export class AgreementEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  dataset!: string;

  @Column({ type: 'text' })
  assigner!: string;

  @Column({ type: 'text' })
  assignee!: string;

  /** The policy as it was put, parsed. `json`, not `jsonb`: member order and `\u0000` survive. */
  @Column({ type: 'json' })
  policy!: unknown;

  @Column({ type: 'json' })
  delivery!: Delivery;

  @Column({ type: 'text' })
  state!: TransferState;

  /** Grows by one with each change that the data plane must hear of. */
  @Column({ type: 'integer' })
  revision!: number;

  /** The last revision known to be in `sluice.directives`; behind `revision` after a crash in between. */
  @Column({ type: 'integer', name: 'published_revision' })
  publishedRevision!: number;

  /** What keeps it suspended, or would if it were not over. */
  @Column({ type: 'json' })
  holds!: readonly Hold[];

  /** The first moment when nothing is governed any more, from the policy's period; null without an end. */
  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** Nothing is governed before this moment, from the policy's period; null without a beginning. */
  @Column({ type: 'timestamptz', name: 'starts_at', nullable: true })
  startsAt!: Date | null;
}
