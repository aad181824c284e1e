import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

import type { WrappedKey } from '../../../catalog/index.ts';

/** Who asked for what: written before the work, completed with its status once. PostgreSQL refuses any other change. */
@Entity({ name: 'audit_entry' })
export class AuditEntryEntity {
  /** Grows with time; a bigint, so a text here. */
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id!: string;

  @Column({ type: 'timestamptz' })
  time!: Date;

  @Column({ type: 'text' })
  account!: string;

  @Column({ type: 'text' })
  participant!: string;

  /** The route's operationId. */
  @Column({ type: 'text' })
  route!: string;

  /** Parameters of the path; a query or body is never written here. */
  @Column({ type: 'json' })
  target!: Readonly<Record<string, string>>;

  /** HTTP status; null while it runs, and for ever where the process ended first. */
  @Column({ type: 'integer', nullable: true })
  outcome!: number | null;
}

/** What a request with an `Idempotency-Key` was answered, for a retry of it. */
@Entity({ name: 'idempotent_answer' })
export class IdempotentAnswerEntity {
  @PrimaryColumn({ type: 'text' })
  account!: string;

  @PrimaryColumn({ type: 'text' })
  key!: string;

  /** SHA-256 of method, path and body, hex. */
  @Column({ type: 'text' })
  digest!: string;

  @Column({ type: 'timestamptz' })
  started!: Date;

  /** Null while the first request runs. It may hold a secret that is shown once, so it is wrapped for the context `idempotency/<account>`. */
  @Column({ type: 'json', nullable: true })
  answer!: WrappedKey | null;
}
