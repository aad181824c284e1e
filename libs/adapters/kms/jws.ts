/** Detached JSON Web Signatures with Ed25519: written in one form, and nothing else is read. Source: RFC 7515, RFC 7797, RFC 8037. */
import type { KeyObject } from 'node:crypto';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import type { SignedKind } from '../../catalog/index.ts';

/** A public key as RFC 8037 writes it; `x` is its 32 bytes. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
}

const keyBytes = 32;
const signatureBytes = 64;

/** RFC 7638, section 3, over the members that RFC 8037, section 2 requires. */
const thumbprint = (x: string): string =>
  createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url');

/** `x` is base64url of 32 bytes. */
export const publicJwk = (x: string): PublicJwk => ({ kty: 'OKP', crv: 'Ed25519', x, kid: thumbprint(x) });

/** What is signed of a payload, and what stands before the signature. */
export function signingInput(kind: SignedKind, keyId: string, payload: Uint8Array): { header: string; input: Buffer } {
  const header = headerOf(kind, keyId);
  return { header, input: Buffer.concat([Buffer.from(`${header}.`), payload]) };
}

export const detached = (header: string, signature: Uint8Array): string =>
  `${header}..${Buffer.from(signature).toString('base64url')}`;

/** Which key a signature names; undefined where it does not have our form, or is of another kind. */
export function namedKey(kind: SignedKind, signature: string): string | undefined {
  const [header = '', payload, , ...more] = signature.split('.');
  if (payload !== '' || more.length > 0) return undefined;
  let keyId: string | undefined;
  try {
    keyId = z.object({ kid: z.string() }).parse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))).kid;
  } catch {
    return undefined;
  }
  // The header has one form alone: nothing in it is left to be understood.
  return header === headerOf(kind, keyId) ? keyId : undefined;
}

/** Whether the key signed this payload. The signature has our form and names the key (`namedKey`). */
export function isSignedBy(jwk: PublicJwk, kind: SignedKind, payload: Uint8Array, signature: string): boolean {
  const bytes = Buffer.from(signature.slice(signature.lastIndexOf('.') + 1), 'base64url');
  return bytes.length === signatureBytes && verify(null, signingInput(kind, jwk.kid, payload).input, keyOf(jwk), bytes);
}

const keyObjects = new WeakMap<PublicJwk, KeyObject>();

function keyOf(jwk: PublicJwk): KeyObject {
  let key = keyObjects.get(jwk);
  if (key === undefined) {
    const { kty, crv, x } = jwk;
    keyObjects.set(jwk, (key = createPublicKey({ format: 'jwk', key: { kty, crv, x } })));
  }
  return key;
}

function headerOf(kind: SignedKind, keyId: string): string {
  const header = { alg: 'EdDSA', b64: false, crit: ['b64'], kid: keyId, typ: `sluice-${kind}` };
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}

const x = z.string().refine((text) => Buffer.from(text, 'base64url').length === keyBytes, 'is not a key');
const publicKey = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x }).transform((key) => publicJwk(key.x));
const keySet = z.object({ keys: z.array(publicKey) });

/** The keys of a JWK set (RFC 7517, section 5), the oldest first; null where the text is none, or has another key in it. */
export function parseKeySet(text: string): PublicJwk[] | null {
  try {
    return keySet.parse(JSON.parse(text)).keys;
  } catch {
    return null;
  }
}
