import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * `pending`: being made, known to nobody. `active`: the newest. `retiring`: valid beside a newer one until `endsAt`. `revoked`: taken away.
 * `lost`: its Kafka user is gone, and nobody can make it again.
 */
export type CredentialState = 'pending' | 'active' | 'retiring' | 'revoked' | 'lost';

/** A Kafka user made for one agreement. The password is kept nowhere. */
@Entity({ name: 'credential' })
export class CredentialEntity {
  @PrimaryColumn({ type: 'text' })
  agreement!: string;

  @PrimaryColumn({ type: 'integer' })
  generation!: number;

  /** `<agreement>.g<generation>`: the dot keeps it apart from names of accounts. */
  @Column({ type: 'text', name: 'kafka_user' })
  kafkaUser!: string;

  /** SHA-256 of the password, hex: the password is 32 random bytes, so that nothing is guessed from it. */
  @Column({ type: 'text' })
  digest!: string;

  @Column({ type: 'text' })
  state!: CredentialState;

  /** Bytes a second from each broker; null for no limit. */
  @Column({
    type: 'bigint',
    name: 'byte_rate',
    nullable: true,
    transformer: {
      from: (text: string | null) => (text === null ? null : Number(text)),
      to: (value: number | null) => value,
    },
  })
  byteRate!: number | null;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** The first moment when it lets nobody in any more: the end of the agreement, or of the overlap; null without an end. */
  @Column({ type: 'timestamptz', name: 'ends_at', nullable: true })
  endsAt!: Date | null;
}
