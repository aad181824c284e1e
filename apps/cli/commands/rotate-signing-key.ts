/** `sluice rotate-signing-key` and `retire-signing-keys`: who signs Programs and directives from now on, and who is trusted no more. */
import path from 'node:path';
import { retireSigningKeys as retire, rotateSigningKey as rotate } from '../../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';

const usage = '[--key-file <file>]';
const whichFile =
  'The file is that of SLUICE_SIGNING_KEY_FILE; without --key-file the one of `npm start` with its default settings. The key of HashiCorp Vault is rotated there.';

export const rotateSigningKey: Command = {
  name: 'rotate-signing-key',
  summary: 'puts a new key that signs Programs and directives into the local file',
  usage,
  help: [
    'The new key signs from now on, and what the earlier ones signed is still trusted. The public keys are in the file beside it that ends in .public.json: data plane and',
    'link on other machines have copies of it, which must be replaced at once, for they hold an agreement whose directive is signed by a key that they do not know.',
    'The next reconciliation signs everything anew: within a minute, or by POST /v1/reconciliation as the operator. Then the earlier keys can be retired.',
    whichFile,
  ].join('\n'),
  run: (args, { write }) =>
    onFile(args, rotate, (file, trusted) =>
      write(`${file} has a new key, which signs; ${trusted} are trusted now. Next: POST /v1/reconciliation.`),
    ),
};

export const retireSigningKeys: Command = {
  name: 'retire-signing-keys',
  summary: 'trusts the newest signing key alone',
  usage,
  help: [
    'What an earlier key signed is refused from then on. Run it after rotate-signing-key and a reconciliation that found no directive to publish any more: an agreement',
    'whose directive or Program still has an earlier signature is held. Then replace the copies of the public file.',
    whichFile,
  ].join('\n'),
  run: (args, { write }) => onFile(args, retire, (file) => write(`${file}: the newest key alone is trusted now.`)),
};

async function onFile(
  args: readonly string[],
  replace: (file: string) => Promise<Result<{ readonly trusted: number }>>,
  done: (file: string, trusted: number) => void,
): Promise<Result<void>> {
  const options = readOptions(args, [], ['key-file']);
  if (!options.ok) return options;
  const file = options.value['key-file'] ?? path.join(repositoryRoot(), '.sluice', 'keys', 'signing.json');
  const replaced = await replace(file);
  if (!replaced.ok) return replaced;
  done(file, replaced.value.trusted);
  return ok(undefined);
}
