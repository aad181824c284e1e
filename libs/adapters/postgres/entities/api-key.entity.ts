import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key that acts for an account within its scopes. */
@Entity({ name: 'api_key' })
export class ApiKeyEntity {
  /** Part of the key itself, and no secret. */
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  account!: string;

  /** The account's, which never changes. */
  @Column({ type: 'text' })
  participant!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', array: true })
  scopes!: string[];

  /** SHA-256 of the key, hex. Its 256 random bits cannot be guessed, so a slow hash would protect nothing. */
  @Column({ type: 'text' })
  digest!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  /** Null for never: the installation's own key, which is made anew at each start. */
  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** To the minute; null before its first use. */
  @Column({ type: 'timestamptz', name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;
}
