/** Signatures of the control plane: by them data plane and link know what was approved, whoever could write to their topic. */
import { createHash } from 'node:crypto';
import type { Result } from '../base/index.ts';
import { canonicalJson } from '../base/index.ts';
import type { ApprovedProgram } from './directive.ts';

/** What is signed. It stands in the signature, so that one of a Program is never taken for one of a directive. */
export type SignedKind = 'directive' | 'program';

/** Signs. The private keys never leave it. */
export interface Signer {
  /** A detached JWS under the newest key (RFC 7515, appendix F; the payload as it is, RFC 7797). */
  sign(kind: SignedKind, payload: Uint8Array): Promise<Result<string>>;
  /** JWK thumbprint (RFC 7638) of the key that signs now. */
  newestKeyId(): Promise<Result<string>>;
}

/** Knows the public keys that are trusted, and no others. */
export interface SignatureChecker {
  /**
   * Answers which key signed it. Fails with `signature-invalid` where there is no signature, it is of another kind or payload, or its key is not trusted; with
   * another code where the keys cannot be read.
   */
  check(kind: SignedKind, payload: Uint8Array, signature: string | undefined): Promise<Result<{ readonly keyId: string }>>;
}

type SignedProgram = Pick<
  ApprovedProgram,
  'writerSchemaId' | 'writerSchema' | 'governedSchemaId' | 'governedSchema' | 'programHash'
>;

/** What the signature of an approved Program is over: whose it is, and for which schemas. Its hash stands for manifest and module. */
export function programPayload(agreement: string, program: SignedProgram): Uint8Array {
  const { writerSchemaId, writerSchema, governedSchemaId, governedSchema, programHash } = program;
  const writer = { id: writerSchemaId, sha256: sha256(writerSchema) };
  const governed = { id: governedSchemaId, sha256: sha256(governedSchema) };
  return Buffer.from(canonicalJson({ agreement, writer, governed, programHash }));
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
