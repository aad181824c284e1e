/** What a command is, and how its options are read. */
import { parseArgs } from 'node:util';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

export interface Terminal {
  /** Writes one line to standard output. */
  write(line: string): void;
  /** Aborted by Ctrl-C, and when nobody reads standard output any more. */
  readonly stopped: AbortSignal;
}

export interface Command {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** Options on one line. */
  readonly usage: string;
  readonly help: string;
  /** `request-invalid` means that the command line is wrong. */
  run(args: readonly string[], terminal: Terminal): Promise<Result<void>>;
}

/** Options of the form `--name value` or `--name=value`; every one is text. Fails on an unknown or missing one and names it. */
export function readOptions<Required extends string, Optional extends string>(
  args: readonly string[],
  required: readonly Required[],
  optional: readonly Optional[],
): Result<Record<Required, string> & Partial<Record<Optional, string>>> {
  const names = [...required, ...optional];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  let values: Readonly<Record<string, string | undefined>>;
  try {
    values = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return fail('request-invalid', firstSentence(error));
  }
  const missing = required.filter((name) => values[name] === undefined);
  if (missing.length > 0) return fail('request-invalid', `missing ${missing.map((name) => `--${name}`).join(', ')}`);
  return ok(values as Record<Required, string> & Partial<Record<Optional, string>>);
}

function firstSentence(error: unknown): string {
  const text =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'the options are malformed';
  return (text.split(/\.\s/)[0] ?? text).replace(/\.$/, '');
}
