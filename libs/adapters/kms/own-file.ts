/** Files that hold secrets: made whole, replaced whole, and refused where others may use them. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

/** More than any file of keys has. */
const bytesMax = 1024 * 1024;

export interface OwnFile {
  readonly bytes: Buffer;
  /** Changes whenever the file does. */
  readonly stamp: string;
}

/** Null where there is none. Refuses a link, what is no file, and one that others may use. `what` says in a failure what the file is. */
export async function readOwnFile(file: string, what: string): Promise<Result<OwnFile | null>> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return ok(null);
    return fail('config-invalid', `${what} ${file} cannot be opened (${errorCodeOf(error)})`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return fail('config-invalid', `${what} ${file} is not a file`);
    if ((stats.mode & 0o077) !== 0) {
      return fail('config-invalid', `${what} ${file} may be used by other accounts: run chmod 600 on it`);
    }
    if (stats.size > bytesMax) return fail('config-invalid', `${what} ${file} is too large`);
    return ok({ bytes: await handle.readFile(), stamp: stampOf(stats) });
  } finally {
    await handle.close();
  }
}

/** The stamp that the file has now; null where there is none. */
export async function fileStamp(file: string): Promise<string | null> {
  try {
    return stampOf(await stat(file));
  } catch {
    return null;
  }
}

/** Makes the file (mode 0600), and its directory (0700). One that is there stays as it is. */
export async function createOwnFile(file: string, bytes: Uint8Array, what: string): Promise<Result<void>> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeWhole(draft, bytes);
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
    return fail('config-invalid', `${what} ${file} cannot be created (${errorCodeOf(error)})`);
  }
}

/**
 * Replaces the file whole with what `make` answers, or leaves it as it is. Fails with `not-found` where its directory is not there, with `conflict` while it is
 * being replaced, and as `make` does.
 */
export async function replaceOwnFile(file: string, what: string, make: () => Promise<Result<Uint8Array>>): Promise<Result<void>> {
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
    if (errorCodeOf(error) === 'ENOENT') return fail('not-found', `there is no file ${file}`);
    return fail('config-invalid', `the file ${draft} cannot be written (${errorCodeOf(error)})`);
  }
  try {
    const made = await make();
    if (!made.ok) {
      await unlink(draft);
      return made;
    }
    await held.writeFile(made.value);
    await held.sync();
    await rename(draft, file);
    await settle(file);
    return ok(undefined);
  } catch (error) {
    return fail('config-invalid', `${what} ${file} cannot be replaced (${errorCodeOf(error)})`);
  } finally {
    await held.close();
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** So that the name is there after a loss of power as well: what the keys made will be. */
async function settle(file: string): Promise<void> {
  const directory = await open(path.dirname(file), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const stampOf = ({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string => `${ino}/${size}/${mtimeMs}`;

export function errorCodeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
