import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { ParticipantRole } from './participant.entity.ts';

export type AccountKind = 'person' | 'service';

/** A name that acts for a participant: with a secret, over HTTP and as a Kafka SCRAM user, or known to an OIDC issuer, or both. */
@Entity({ name: 'account' })
export class AccountEntity {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  participant!: string;

  @Column({ type: 'text' })
  kind!: AccountKind;

  @Column({ type: 'text', name: 'display_name', nullable: true })
  displayName!: string | null;

  /** What it has of its participant's roles; null for all of them. */
  @Column({ type: 'text', array: true, nullable: true })
  roles!: ParticipantRole[] | null;

  /** `scrypt$N$r$p$salt$hash`, the last two base64url; null without a secret. */
  @Column({ type: 'text', name: 'secret_hash', nullable: true })
  secretHash!: string | null;

  /** The claims `iss` and `sub` that stand for it; both or neither. */
  @Column({ type: 'text', name: 'oidc_issuer', nullable: true })
  oidcIssuer!: string | null;

  @Column({ type: 'text', name: 'oidc_subject', nullable: true })
  oidcSubject!: string | null;
}
