/** The secret of an account, from an option or from a file: a command line is visible to every account of the machine. */
import { readFile } from 'node:fs/promises';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

export async function secretOf(secret: string | undefined, file: string | undefined): Promise<Result<string>> {
  if ((secret === undefined) === (file === undefined))
    return fail('request-invalid', 'give --secret or --secret-file, one of them');
  if (secret !== undefined) return ok(secret);
  try {
    return ok((await readFile(file ?? '', 'utf8')).trimEnd());
  } catch {
    return fail('not-found', `the file ${file} cannot be read`);
  }
}
