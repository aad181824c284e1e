/** `sluice reset-admin`: a new password for the operator's account of the embedded Sluice. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';

export const resetAdmin: Command = {
  name: 'reset-admin',
  summary: 'makes a new password for admin of the embedded Sluice and shows it once',
  usage: '',
  help: [
    'Works while Sluice runs, which then takes the new password at once and the old one no more, and while it does not. It goes by the settings of',
    '`npm start`: SLUICE_DATA_DIR says whose password, SLUICE_DATABASE_URL where there is a real database. Only a hash of the password is kept.',
    'A control plane that is started with SLUICE_OPERATOR_SECRET has that secret again at its next start.',
  ].join('\n'),
  async run(args) {
    const options = readOptions(args, [], []);
    if (!options.ok) return options;
    // The program that owns the data directory does it, with its settings.
    const main = path.join(repositoryRoot(), 'dist', 'apps', 'embedded', 'main.js');
    const child = spawn(process.execPath, [...process.execArgv, main, '--reset-admin'], { stdio: 'inherit' });
    return new Promise<Result<void>>((resolve) => {
      child.once('error', () => resolve(fail('service-failed', 'the program that resets the password cannot be started')));
      child.once('close', (code) => {
        resolve(code === 0 ? ok(undefined) : fail('service-failed', 'the password was not changed'));
      });
    });
  },
};
