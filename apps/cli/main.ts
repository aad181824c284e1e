/** The command line: picks a command, runs it, turns a Failure into one sentence and an exit code. */
import type { Result } from '../../libs/base/index.ts';
import { fail } from '../../libs/base/index.ts';
import type { Command } from './command.ts';
import { apply } from './commands/apply.ts';
import { explain } from './commands/explain.ts';
import { plan } from './commands/plan.ts';
import { preview } from './commands/preview.ts';
import { read } from './commands/read.ts';
import { replay } from './commands/replay.ts';
import { resetAdmin } from './commands/reset-admin.ts';
import { resume } from './commands/resume.ts';
import { rotateMasterKey } from './commands/rotate-master-key.ts';
import { retireSigningKeys, rotateSigningKey } from './commands/rotate-signing-key.ts';

const commands: readonly Command[] = [
  read,
  apply,
  plan,
  explain,
  preview,
  replay,
  resume,
  resetAdmin,
  rotateMasterKey,
  rotateSigningKey,
  retireSigningKeys,
];

async function run(args: readonly string[]): Promise<Result<void>> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help(rest[0]));
    return { ok: true, value: undefined };
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) return fail('request-invalid', `there is no command ${name}; npm run sluice -- help lists all`);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(help(name));
    return { ok: true, value: undefined };
  }
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  // A reader such as `head` that closes the pipe has what it wanted.
  process.stdout.on('error', () => stop.abort());
  return command.run(rest, { write: (line) => void process.stdout.write(`${line}\n`), stopped: stop.signal });
}

function help(name?: string): string {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return `npm run sluice -- ${command.name} ${command.usage}\n\n${command.help}\n`;
  const lines = commands.map((candidate) => `  ${candidate.name.padEnd(19)}${candidate.summary}`);
  return `npm run sluice -- <command> [options]\n\n${lines.join('\n')}\n  ${'help'.padEnd(19)}this, or help <command>\n`;
}

const ended = await run(process.argv.slice(2));
if (!ended.ok) {
  process.stderr.write(`sluice: ${ended.failure.message}\n`);
  process.exitCode = ended.failure.code === 'request-invalid' ? 2 : 1;
}
