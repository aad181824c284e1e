/** The file of the local master keys: 32 bytes each, the oldest first. The last one wraps; those before it still unwrap. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

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
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return ok(null);
    return fail('config-invalid', `the master key file ${file} cannot be opened (${errorCodeOf(error)})`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return fail('config-invalid', `the master key path ${file} is not a file`);
    if ((stats.mode & 0o077) !== 0) {
      return fail('config-invalid', `the master key file ${file} may be used by other accounts: run chmod 600 on it`);
    }
    if (stats.size === 0 || stats.size % masterKeyBytes !== 0 || stats.size > masterKeyBytes * masterKeysMax)
      return fail(
        'config-invalid',
        `the master key file ${file} must hold ${masterKeyBytes} bytes, or them for each of its keys`,
      );
    const bytes = await handle.readFile();
    const keys = Array.from({ length: bytes.length / masterKeyBytes }, (_, index) =>
      bytes.subarray(index * masterKeyBytes, (index + 1) * masterKeyBytes),
    );
    return ok({ keys, stamp: stampOf(stats) });
  } finally {
    await handle.close();
  }
}

/** The stamp that the file has now; null where there is none. */
export async function masterKeyStamp(file: string): Promise<string | null> {
  try {
    return stampOf(await stat(file));
  } catch {
    return null;
  }
}

/** Makes the file (mode 0600) with one new key. One that is there stays as it is. */
export async function createMasterKeys(file: string): Promise<Result<void>> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeWhole(draft, [randomBytes(masterKeyBytes)]);
    // Written whole under another name, then linked: a second process that starts at the same time sees no half file and replaces none.
    try {
      await link(draft, file);
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
    await settle(file);
    return ok(undefined);
  } catch (error) {
    return fail('config-invalid', `the master key file ${file} cannot be created (${errorCodeOf(error)})`);
  }
}

/**
 * Puts a new master key behind those that there are: from now on it wraps. Whoever has the file open takes it with the next key that it wraps.
 * The file is replaced whole or stays as it is. Fails with `not-found` where there is none, and with `conflict` while another rotation is under way.
 */
export async function rotateMasterKey(file: string): Promise<Result<{ readonly keys: number }>> {
  const draft = `${file}.new`;
  let held: FileHandle;
  try {
    held = await open(draft, 'wx', 0o600);
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST')
      return fail(
        'conflict',
        `the file ${draft} is there: another rotation is under way, or one was cut off, and then delete it`,
      );
    if (errorCodeOf(error) === 'ENOENT') return fail('not-found', `there is no master key file ${file}`);
    return fail('config-invalid', `the file ${draft} cannot be written (${errorCodeOf(error)})`);
  }
  try {
    const known = await readMasterKeys(file);
    if (!known.ok || known.value === null) {
      await unlink(draft);
      return known.ok ? fail('not-found', `there is no master key file ${file}`) : known;
    }
    await held.writeFile(Buffer.concat([...known.value.keys, randomBytes(masterKeyBytes)]));
    await held.sync();
    await rename(draft, file);
    await settle(file);
    return ok({ keys: known.value.keys.length + 1 });
  } catch (error) {
    return fail('config-invalid', `the master key file ${file} cannot be replaced (${errorCodeOf(error)})`);
  } finally {
    await held.close();
  }
}

async function writeWhole(file: string, keys: readonly Buffer[]): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(Buffer.concat(keys));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** So that the name is there after a loss of power as well: what the key wraps will be. */
async function settle(file: string): Promise<void> {
  const directory = await open(path.dirname(file), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const stampOf = ({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string => `${ino}/${size}/${mtimeMs}`;

function errorCodeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
