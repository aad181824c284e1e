import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A Set that is a dataset's baseline, or an Offer on it. */
export type PolicyKind = 'baseline' | 'offer';

/** One version of a policy. Only `withdrawnAt` is ever written again. */
@Entity({ name: 'policy' })
export class PolicyEntity {
  @PrimaryColumn({ type: 'text' })
  kind!: PolicyKind;

  /** The dataset's id of a baseline, the offer's own of an offer. */
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @PrimaryColumn({ type: 'integer' })
  version!: number;

  @Column({ type: 'text' })
  dataset!: string;

  /** The policy as it was put, parsed. */
  @Column({ type: 'json' })
  body!: unknown;

  /** An account. */
  @Column({ type: 'text', name: 'created_by' })
  createdBy!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** Of an offer's newest version: since when nobody can take it. */
  @Column({ type: 'timestamptz', name: 'withdrawn_at', nullable: true })
  withdrawnAt!: Date | null;
}
