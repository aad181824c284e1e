import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { ApprovedProgram, Delivery, TransferState, WrappedKey } from '../../../catalog/index.ts';

/** A policy that two participants accepted, with everything its directive says. */
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

  /** Wrapped for the context `agreement/<id>`; made once and kept. */
  @Column({ type: 'json', name: 'data_key' })
  dataKey!: WrappedKey;

  @Column({ type: 'json' })
  programs!: readonly ApprovedProgram[];
}
