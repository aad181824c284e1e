/** Where writer and governed schemas are registered: our own registry in PostgreSQL, or an external one. */
import type { Result } from '../../../libs/base/index.ts';
import type { SchemaLookup } from '../../../libs/catalog/index.ts';
import type { CanonicalSchema } from './canonical-schema.ts';

export interface WriterVersion {
  readonly version: number;
  readonly id: number;
  readonly text: string;
}

/** Runs with a schema's id before its registration succeeds; a failure refuses the registration. */
export type Approval = (schemaId: number) => Promise<Result<void>>;

export interface SchemaAuthority extends SchemaLookup {
  /**
   * Registers a schema under a subject if its compatibility level allows, and answers its id. A schema that the subject has already is
   * answered at once. The caller holds the lock of the subject.
   */
  register(subject: string, schema: CanonicalSchema, approval: Approval): Promise<Result<number>>;
  /** Registers a derived schema; the policy decided its shape, so no compatibility level applies. */
  registerGoverned(subject: string, text: string): Promise<Result<number>>;
  /** The versions that records may carry, in order, softly deleted ones included where the registry still shows them. */
  writable(subject: string): Promise<Result<readonly WriterVersion[]>>;
  /** The version that the subject has newest, or null. */
  latest(subject: string): Promise<Result<WriterVersion | null>>;
}
