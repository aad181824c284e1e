import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ParticipantRole = 'publisher' | 'subscriber' | 'operator' | 'auditor' | 'platform';

/** A suspended participant's accounts are refused. */
export type ParticipantState = 'active' | 'suspended';

/** A department, enterprise or platform with an identity. */
@Entity({ name: 'participant' })
export class ParticipantEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  /** Unified social credit code (GB 32100-2015), unique; null where there is none. */
  @Column({ type: 'text', name: 'credit_code', nullable: true })
  creditCode!: string | null;

  /** At least one, in the order of the type. */
  @Column({ type: 'text', array: true })
  roles!: ParticipantRole[];

  /** Section letter of GB/T 4754-2017, `A` to `T`. */
  @Column({ type: 'text', nullable: true })
  sector!: string | null;

  /** ISO 3166-1 alpha-2 country, ISO 3166-2 subdivision, or `CN-` and a code of GB/T 2260. */
  @Column({ type: 'text', nullable: true })
  region!: string | null;

  @Column({ type: 'text' })
  state!: ParticipantState;
}
