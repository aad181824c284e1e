/** `sluice replay`: refused records once more, through the Program that is current now. Starts the data plane's own redrive as a process. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Command } from '../command.ts';

/** Beside this file in the build: an app may not import another one, and a redrive is the data plane's work under its account. */
const dataPlane = fileURLToPath(new URL('../../data-plane/main.js', import.meta.url));

export const replay: Command = replayWith(dataPlane);

/** `program` is started with Node and takes `replay` and the options. */
export function replayWith(program: string): Command {
  return {
    name: 'replay',
    summary: 'redrives refused records through the current Program, or says what that would do',
    usage:
      '--dataset <id> --agreement <id> --brokers <host:port,...> --account <name> (--secret <text> | --secret-file <file>) --registry <url> (--kms-key-file <file> | --vault-address <url> --vault-token-file <file> [--vault-namespace <name>] [--vault-mount <path>] [--vault-key <name>] [--vault-signing-key <name>] [--vault-ca-file <file>]) [--signer-keys-file <file>] [--run] [--rate <n>] [--reason <code,...>] [--field <path>] [--partition <n>] [--offsets <a>..<b>] [--refused <time>..<time>] [--attempt <n>] [--key-file <file>] [--id <id>] [--registry-account <name> --registry-secret-file <file>] [--tls]',
    help: [
      'Takes the records that were refused for an agreement, selected by the reason, field and attempt of their last refusal, by partition, raw',
      'offsets or the time of the refusal, and says what the current Program would do with them: counts by reason and field, and how many have a',
      'newer record with the same key in the feed, for which the raw topic is read from the first selected record on.',
      'With --run it does it, at --rate records a second (100), and prints one JSON object a record and one at the end. Each record is delivered once,',
      'however many redrives overlap: the one that began last goes on, the others end. What a Program refuses again for another reason is in the',
      'quarantine with the next attempt; for the same reason nothing is written. Ctrl-C ends it after the transaction under way.',
      'Originals that the raw topic no longer has are opened with --key-file, the private key of the publisher (32 bytes, or them as base64url; mode 600);',
      'each opening is in the audit trail, in a preview too. The account is one with the rights of the data plane (apps/data-plane/replay/README.md).',
    ].join('\n'),
    run: (args, { write, stopped }) =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, ['--enable-source-maps', program, 'replay', ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        const stop = (): void => void child.kill('SIGINT');
        if (stopped.aborted) stop();
        stopped.addEventListener('abort', stop, { once: true });
        const lines = lineCutter(write);
        let said = '';
        child.stdout.setEncoding('utf8').on('data', lines.take);
        child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
        child.on('error', () => resolve(fail('service-failed', 'the redrive cannot be started')));
        child.on('close', (code) => {
          stopped.removeEventListener('abort', stop);
          lines.end();
          if (code === 0) resolve(ok(undefined));
          else
            resolve(fail(code === 2 ? 'request-invalid' : 'service-failed', said.trim() || 'the redrive ended without a word'));
        });
      }),
  };
}

function lineCutter(write: (line: string) => void): { readonly take: (text: string) => void; readonly end: () => void } {
  let rest = '';
  return {
    take: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(write);
    },
    end: () => {
      if (rest !== '') write(rest);
    },
  };
}
