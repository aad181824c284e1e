/** `sluice rotate-master-key`: a new local master key, which wraps from now on. */
import path from 'node:path';
import { rotateMasterKey as rotate } from '../../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';

export const rotateMasterKey: Command = {
  name: 'rotate-master-key',
  summary: 'puts a new master key into the local key file',
  usage: '[--key-file <file>]',
  help: [
    'The new key wraps from now on, in every process that has the file open, and the older ones still open what they wrapped. Then copy the file to the',
    'machines of data plane and link that have copies of it, and have everything wrapped anew: POST /v1/keys/rewrap, as the operator, until it says that nothing is left.',
    'The file is that of SLUICE_KMS_KEY_FILE; without --key-file the one of `npm start` with its default settings. The key of HashiCorp Vault is rotated there.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, [], ['key-file']);
    if (!options.ok) return options;
    const file = options.value['key-file'] ?? path.join(repositoryRoot(), '.sluice', 'keys', 'master.key');
    const rotated = await rotate(file);
    if (!rotated.ok) return rotated;
    write(`${file} has ${rotated.value.keys} master keys now; the newest one wraps. Next: POST /v1/keys/rewrap.`);
    return ok(undefined);
  },
};
