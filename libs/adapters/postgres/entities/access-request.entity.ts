import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { Delivery, RequestDecision, RequestState } from '../../../catalog/index.ts';

/** What a subscriber asks for under an offer, and what became of it. */
@Entity({ name: 'access_request' })
export class AccessRequestEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  offer!: string;

  /** The version that was offered then: a later one needs a new request. */
  @Column({ type: 'integer', name: 'offer_version' })
  offerVersion!: number;

  @Column({ type: 'text' })
  dataset!: string;

  @Column({ type: 'text' })
  assigner!: string;

  @Column({ type: 'text' })
  assignee!: string;

  /** The agreement that it becomes. */
  @Column({ type: 'text' })
  agreement!: string;

  @Column({ type: 'text' })
  purpose!: string;

  /** Paths of top-level fields; null for all that the offer lets out. */
  @Column({ type: 'json', nullable: true })
  fields!: readonly string[] | null;

  @Column({ type: 'timestamptz', nullable: true })
  until!: Date | null;

  @Column({ type: 'text' })
  note!: string;

  /** With its secret wrapped. */
  @Column({ type: 'json' })
  delivery!: Delivery;

  /** The ODRL Agreement that was asked for: what is approved is what is made. */
  @Column({ type: 'json' })
  policy!: unknown;

  /** Hash of the Program that was compiled when it was made, by writer schema id: shown to whoever approves. */
  @Column({ type: 'json', name: 'program_hashes' })
  programHashes!: Readonly<Record<string, string>>;

  /** An account. */
  @Column({ type: 'text', name: 'made_by' })
  madeBy!: string;

  @Column({ type: 'timestamptz', name: 'made_at' })
  madeAt!: Date;

  @Column({ type: 'text' })
  state!: RequestState;

  @Column({ type: 'json' })
  decisions!: readonly RequestDecision[];
}
