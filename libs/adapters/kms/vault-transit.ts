/** A KeyVault whose master key is in HashiCorp Vault: its transit secrets engine encrypts and decrypts, and the key never leaves it. */
import type { Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import type { KeyVault, WrappedKey } from '../../catalog/index.ts';
import type { TransitOptions } from './transit-client.ts';
import { TransitClient } from './transit-client.ts';

/** `vault:v3:` and base64 behind it. */
const ciphertextForm = /^vault:v([1-9]\d{0,8}):[A-Za-z0-9+/]+={0,2}$/;

/**
 * `wrapped` is Vault's ciphertext as it is, and the context its `associated_data`, so that a wrapped key opens only for the use it was made for. `keyId` is
 * `<mount>/<key>:v<version>`. The key must be of a type that takes associated data; `aes256-gcm96` is. Vault's own `rewrap` takes none
 * (hashicorp/vault issue 31791), so that a key is opened and encrypted again. The token needs `update` on `encrypt/<key>` and `decrypt/<key>` and no more.
 * Source: Vault HTTP API, "Transit secrets engine", encrypt data and decrypt data.
 */
export class VaultTransit implements KeyVault {
  readonly #client: TransitClient;

  private constructor(client: TransitClient) {
    this.#client = client;
  }

  /** Asks nothing of the server. Fails with `config-invalid`. */
  static async open(options: TransitOptions): Promise<Result<VaultTransit>> {
    const client = await TransitClient.open(options);
    return client.ok ? ok(new VaultTransit(client.value)) : during('opening Vault', client.failure);
  }

  async wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>> {
    const answer = await this.#client.call('encrypt', { plaintext: base64(plain), associated_data: base64(context) });
    if (!answer.ok) return answer;
    const wrapped = answer.value?.['ciphertext'];
    const form = typeof wrapped === 'string' ? ciphertextForm.exec(wrapped) : null;
    // Vault says 400 where there is no such key, and where its type takes no associated data.
    if (form === null || typeof wrapped !== 'string')
      return fail(
        'key-service-refused',
        `Vault does not encrypt with ${this.#client.name}: it must be a key of type aes256-gcm96`,
      );
    return ok({ keyId: `${this.#client.name}:v${form[1]}`, epoch: 1, wrapped });
  }

  async unwrap({ keyId, wrapped }: WrappedKey, context: string): Promise<Result<Uint8Array>> {
    if (!keyId.startsWith(`${this.#client.name}:`))
      return fail('key-missing', `the key was wrapped under master key ${keyId}, not by ${this.#client.name} of Vault`);
    if (!ciphertextForm.test(wrapped)) return fail('key-missing', `the wrapped key for ${context} is malformed`);
    const answer = await this.#client.call('decrypt', { ciphertext: wrapped, associated_data: base64(context) });
    if (!answer.ok) return answer;
    const plain = answer.value?.['plaintext'];
    return typeof plain === 'string'
      ? ok(new Uint8Array(Buffer.from(plain, 'base64')))
      : fail('key-missing', `the wrapped key does not open for ${context}`);
  }

  async rewrap(key: WrappedKey, context: string): Promise<Result<WrappedKey>> {
    const opened = await this.unwrap(key, context);
    if (!opened.ok) return opened;
    const wrapped = await this.wrap(opened.value, context);
    opened.value.fill(0);
    if (!wrapped.ok) return wrapped;
    return ok(wrapped.value.keyId === key.keyId ? key : { ...wrapped.value, epoch: key.epoch });
  }

  /** Found by encrypting nothing of worth: reading the key's versions would take a further right. */
  async newestKeyId(): Promise<Result<string>> {
    const wrapped = await this.wrap(new Uint8Array(1), 'key-id');
    return wrapped.ok ? ok(wrapped.value.keyId) : wrapped;
  }
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString('base64');
