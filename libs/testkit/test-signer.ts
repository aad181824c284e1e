/** Signs for tests, with one key for all of them: their planes follow the directives of one topic. */
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { DirectiveLog } from '../adapters/kafka/index.ts';
import { checkWith } from '../adapters/kms/file-signer.ts';
import type { PublicJwk } from '../adapters/kms/jws.ts';
import { detached, publicJwk, signingInput } from '../adapters/kms/jws.ts';
import { ok, unwrap } from '../base/index.ts';
import type { Directive, DirectivePublisher, SignatureChecker, Signer } from '../catalog/index.ts';
import { programPayload } from '../catalog/index.ts';

/** Before the 32 bytes of the key in PKCS #8. Source: RFC 8410, section 7. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function keyOf(name = 'tests'): KeyObject {
  const seed = createHash('sha256').update(`a signing key of ${name}`).digest();
  return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
}

const jwkOf = (key: KeyObject): PublicJwk => publicJwk(createPublicKey(key).export({ format: 'jwk' }).x ?? '');

/** The key of this name, which is the same in every process. It protects nothing. */
export function testSigner(name?: string): Signer & SignatureChecker {
  const key = keyOf(name);
  const jwk = jwkOf(key);
  return {
    sign: (kind, payload) => {
      const { header, input } = signingInput(kind, jwk.kid, payload);
      return Promise.resolve(ok(detached(header, sign(null, input, key))));
    },
    newestKeyId: () => Promise.resolve(ok(jwk.kid)),
    check: (kind, payload, signature) => Promise.resolve(checkWith(new Map([[jwk.kid, jwk]]), kind, payload, signature)),
  };
}

/** Its public key as the file of public keys has it. */
export const testSignerKeys = (name?: string): string => JSON.stringify({ keys: [jwkOf(keyOf(name))] });

/** The directive with its Programs signed, as approved by whoever has the key. */
export async function withSignedPrograms(signer: Signer, directive: Directive): Promise<Directive> {
  const programs = directive.programs.map(async (program) => ({
    ...program,
    signature: unwrap(await signer.sign('program', programPayload(directive.agreement, program))),
  }));
  return { ...directive, programs: await Promise.all(programs) };
}

/** Publishes directives as the control plane would have approved them. */
export const approvingLog = (log: DirectiveLog, signer: Signer): DirectivePublisher & { close(): Promise<void> } => ({
  publish: async (directive) => log.publish(await withSignedPrograms(signer, directive)),
  close: () => log.close(),
});
