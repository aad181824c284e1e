import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ParticipantRole = 'publisher' | 'subscriber' | 'platform' | 'operator';

/** A department, enterprise or platform with an identity. */
@Entity({ name: 'participant' })
export class ParticipantEntity {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  role!: ParticipantRole;
}
