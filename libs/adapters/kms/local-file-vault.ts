/** A KeyVault whose master keys are in a file that only its owner may read. For one machine; a district office or a laptop. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { KeyVault, WrappedKey } from '../../catalog/index.ts';
import type { MasterKeys } from './master-key-file.ts';
import { createMasterKeys, readMasterKeys } from './master-key-file.ts';
import { fileStamp } from './own-file.ts';

const nonceBytes = 12;
const tagBytes = 16;

interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * Wraps keys with AES-256-GCM under the newest master key: `wrapped` is base64url of nonce (12 bytes), ciphertext and tag (16 bytes),
 * and the context is the associated data, so that a wrapped key opens only for the use it was made for.
 * Nonces are random; NIST SP 800-38D section 8.3 allows 2^32 of them under one key. The keys never leave the object.
 */
export class LocalFileVault implements KeyVault {
  readonly #file: string;
  #stamp: string;
  /** By their ids, in the order of the file. */
  #keys: ReadonlyMap<string, MasterKey>;
  #newest: MasterKey;

  private constructor(file: string, { keys, stamp }: MasterKeys) {
    this.#file = file;
    this.#stamp = stamp;
    [this.#keys, this.#newest] = named(keys);
  }

  /** Reads the master key file, or makes it (mode 0600) where there is none. Refuses a file that others may read or that holds no keys. */
  static async open(file: string): Promise<Result<LocalFileVault>> {
    const first = await readMasterKeys(file);
    if (first.ok && first.value === null) {
      const created = await createMasterKeys(file);
      if (!created.ok) return created;
    }
    const read = first.ok && first.value === null ? await readMasterKeys(file) : first;
    if (!read.ok) return read;
    if (read.value === null) return fail('config-invalid', `the master key file ${file} disappeared while it was opened`);
    return ok(new LocalFileVault(file, read.value));
  }

  async wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>> {
    const current = await this.#refresh();
    if (!current.ok) return current;
    const { id, bytes } = this.#newest;
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', bytes, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return ok({ keyId: id, epoch: 1, wrapped: sealed.toString('base64url') });
  }

  /** Fails with `key-missing` for another master key, another context or changed bytes; it does not say which of the last two. */
  async unwrap(key: WrappedKey, context: string): Promise<Result<Uint8Array>> {
    // A key that was made since the file was read.
    const current = this.#keys.has(key.keyId) ? ok(undefined) : await this.#refresh();
    return current.ok ? this.#unwrap(key, context) : current;
  }

  async rewrap(key: WrappedKey, context: string): Promise<Result<WrappedKey>> {
    const newest = await this.newestKeyId();
    if (!newest.ok) return newest;
    const opened = await this.unwrap(key, context);
    if (!opened.ok) return opened;
    const wrapped = key.keyId === newest.value ? ok(key) : await this.wrap(opened.value, context);
    opened.value.fill(0);
    return wrapped.ok ? ok({ ...wrapped.value, epoch: key.epoch }) : wrapped;
  }

  /** The first 16 hex digits of a labelled SHA-256 of the newest master key. */
  async newestKeyId(): Promise<Result<string>> {
    const current = await this.#refresh();
    return current.ok ? ok(this.#newest.id) : current;
  }

  /** Takes what a rotation put into the file. A file that is gone or spoilt is told of, and wraps nothing. */
  async #refresh(): Promise<Result<void>> {
    if ((await fileStamp(this.#file)) === this.#stamp) return ok(undefined);
    const read = await readMasterKeys(this.#file);
    if (!read.ok) return read;
    if (read.value === null) return fail('config-invalid', `the master key file ${this.#file} is gone`);
    [this.#keys, this.#newest] = named(read.value.keys);
    this.#stamp = read.value.stamp;
    return ok(undefined);
  }

  #unwrap(key: WrappedKey, context: string): Result<Uint8Array> {
    const master = this.#keys.get(key.keyId);
    if (master === undefined)
      return fail('key-missing', `the key was wrapped under master key ${key.keyId}, not ${[...this.#keys.keys()].join(' or ')}`);
    const sealed = Buffer.from(key.wrapped, 'base64url');
    if (sealed.length < nonceBytes + tagBytes) return fail('key-missing', `the wrapped key for ${context} is truncated`);
    const decipher = createDecipheriv('aes-256-gcm', master.bytes, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const opened = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      opened.fill(0);
      return fail('key-missing', `the wrapped key does not open for ${context}`);
    }
    return ok(new Uint8Array(opened));
  }
}

function named(keys: readonly Buffer[]): [ReadonlyMap<string, MasterKey>, MasterKey] {
  const all = keys.map((bytes): MasterKey => ({ id: idOf(bytes), bytes }));
  const newest = all.at(-1);
  if (newest === undefined) throw new Error('the master key file was read without a key');
  return [new Map(all.map((key) => [key.id, key])), newest];
}

const idOf = (key: Buffer): string =>
  createHash('sha256').update('sluice master key id\0').update(key).digest('hex').slice(0, 16);
