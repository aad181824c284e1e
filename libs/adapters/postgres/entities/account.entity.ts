import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A name and secret that acts for a participant, over HTTP and as a Kafka SCRAM user. */
@Entity({ name: 'account' })
export class AccountEntity {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  participant!: string;

  /** `scrypt$N$r$p$salt$hash`, the last two base64url. */
  @Column({ type: 'text', name: 'secret_hash' })
  secretHash!: string;
}
