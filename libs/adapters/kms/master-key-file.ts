/** The file of the local master keys: 32 bytes each, the oldest first. The last one wraps; those before it still unwrap. */
import { randomBytes } from 'node:crypto';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { createOwnFile, readOwnFile, replaceOwnFile } from './own-file.ts';

const what = 'the master key file';
const masterKeyBytes = 32;
/** More master keys than anybody rotates to in a lifetime; a larger file is something else. */
const masterKeysMax = 1_000;

export interface MasterKeys {
  /** The oldest first; never empty. */
  readonly keys: readonly Buffer[];
  /** Changes whenever the file does. */
  readonly stamp: string;
}

/** Null where there is no file. Refuses one that others may use, and one that holds no keys. */
export async function readMasterKeys(file: string): Promise<Result<MasterKeys | null>> {
  const read = await readOwnFile(file, what);
  if (!read.ok || read.value === null) return read.ok ? ok(null) : read;
  const { bytes, stamp } = read.value;
  if (bytes.length === 0 || bytes.length % masterKeyBytes !== 0 || bytes.length > masterKeyBytes * masterKeysMax)
    return fail('config-invalid', `${what} ${file} must hold ${masterKeyBytes} bytes, or them for each of its keys`);
  const keys = Array.from({ length: bytes.length / masterKeyBytes }, (_, index) =>
    bytes.subarray(index * masterKeyBytes, (index + 1) * masterKeyBytes),
  );
  return ok({ keys, stamp });
}

/** Makes the file (mode 0600) with one new key. One that is there stays as it is. */
export const createMasterKeys = (file: string): Promise<Result<void>> => createOwnFile(file, randomBytes(masterKeyBytes), what);

/**
 * Puts a new master key behind those that there are: from now on it wraps. Whoever has the file open takes it with the next key that it wraps.
 * The file is replaced whole or stays as it is. Fails with `not-found` where there is none, and with `conflict` while another rotation is under way.
 */
export async function rotateMasterKey(file: string): Promise<Result<{ readonly keys: number }>> {
  let count = 0;
  const replaced = await replaceOwnFile(file, what, async () => {
    const known = await readMasterKeys(file);
    if (!known.ok) return known;
    if (known.value === null) return fail('not-found', `there is no master key file ${file}`);
    count = known.value.keys.length + 1;
    return ok(Buffer.concat([...known.value.keys, randomBytes(masterKeyBytes)]));
  });
  return replaced.ok ? ok({ keys: count }) : replaced;
}
