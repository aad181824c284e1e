/** Signs with an Ed25519 key of HashiCorp Vault's transit secrets engine, which never leaves it, and checks against that key's public versions. */
import type { Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import type { SignatureChecker, SignedKind, Signer } from '../../catalog/index.ts';
import { z } from 'zod';
import { checkWith } from './file-signer.ts';
import type { PublicJwk } from './jws.ts';
import { detached, namedKey, publicJwk, signingInput } from './jws.ts';
import type { TransitOptions } from './transit-client.ts';
import { TransitClient } from './transit-client.ts';

/** For how long the versions of the key are taken as they were read, milliseconds: a rotation signs from then on. */
const versionsAgeMsMax = 10_000;

const versionsForm = z.object({ type: z.literal('ed25519'), keys: z.record(z.string(), z.object({ public_key: z.string() })) });
const signatureForm = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})$/;

/**
 * The key must be of type `ed25519`, without derivation. Whoever checks needs `read` on `keys/<key>`, whoever signs `update` on `sign/<key>` as well. What
 * Vault's `min_decryption_version` leaves out is trusted no more. Source: Vault HTTP API, "Transit secrets engine", read key and sign data.
 */
export class TransitSigner implements Signer, SignatureChecker {
  readonly #client: TransitClient;
  /** By version, the newest last. */
  #versions: readonly (readonly [version: number, key: PublicJwk])[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;

  private constructor(client: TransitClient) {
    this.#client = client;
  }

  /** `key` of the options names the signing key. Asks nothing of the server. Fails with `config-invalid`. */
  static async open(options: TransitOptions): Promise<Result<TransitSigner>> {
    const client = await TransitClient.open(options);
    return client.ok ? ok(new TransitSigner(client.value)) : during('opening Vault', client.failure);
  }

  async sign(kind: SignedKind, payload: Uint8Array): Promise<Result<string>> {
    const newest = await this.#newest();
    if (!newest.ok) return newest;
    const [version, { kid }] = newest.value;
    const { header, input } = signingInput(kind, kid, payload);
    const answer = await this.#client.call('sign', { input: input.toString('base64'), key_version: version });
    if (!answer.ok) return answer;
    const signature = answer.value?.['signature'];
    const [, by, text = ''] = typeof signature === 'string' ? (signatureForm.exec(signature) ?? []) : [];
    if (Number(by) !== version) return fail('key-service-refused', `Vault does not sign with ${this.#client.name}`);
    return ok(detached(header, Buffer.from(text, 'base64')));
  }

  async newestKeyId(): Promise<Result<string>> {
    const newest = await this.#newest();
    return newest.ok ? ok(newest.value[1].kid) : newest;
  }

  async check(kind: SignedKind, payload: Uint8Array, signature: string | undefined): Promise<Result<{ readonly keyId: string }>> {
    const named = signature === undefined ? undefined : namedKey(kind, signature);
    const isKnown = this.#versions.some(([, { kid }]) => kid === named);
    const current = await this.#refresh(named !== undefined && !isKnown);
    // Vault may be away for a while: keys that are held serve on.
    if (!current.ok && !isKnown) return current;
    return checkWith(new Map(this.#versions.map(([, key]) => [key.kid, key])), kind, payload, signature);
  }

  async #newest(): Promise<Result<readonly [number, PublicJwk]>> {
    const current = await this.#refresh(false);
    if (!current.ok) return current;
    const newest = this.#versions.at(-1);
    return newest === undefined ? fail('key-service-refused', `${this.#client.name} of Vault has no version`) : ok(newest);
  }

  async #refresh(mustRead: boolean): Promise<Result<void>> {
    if (!mustRead && performance.now() - this.#readAtMs < versionsAgeMsMax) return ok(undefined);
    const answer = await this.#client.call('keys');
    if (!answer.ok) return answer;
    const read = versionsForm.safeParse(answer.value);
    if (!read.success) return fail('key-service-refused', `${this.#client.name} of Vault must be a key of type ed25519`);
    this.#versions = Object.entries(read.data.keys)
      .map(([version, { public_key: key }]) => [Number(version), publicJwk(base64url(key))] as const)
      .sort(([a], [b]) => a - b);
    this.#readAtMs = performance.now();
    return ok(undefined);
  }
}

const base64url = (text: string): string => Buffer.from(text, 'base64').toString('base64url');
