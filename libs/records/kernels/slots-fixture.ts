/** Runs of imagined Programs for tests: texts and slots in an arena, and what the output must be afterwards, byte for byte. */
import type { Arena } from '../arena/arena.ts';
import { gatherEntryBytes, kernelSpace } from '../arena/arena-layout.ts';

/** What a slot holds before it is filled, and what stands between slots. */
const [unfilled, between] = ['?', '|'];

export interface SlotRequest {
  readonly text: Buffer;
  /** Index of the field plan. */
  readonly field: number;
  /** Whether the slot is written twice. */
  readonly twice?: boolean;
}

export interface LaidOut {
  readonly entries: number;
  /** The output now. */
  output(): string;
  /** The output when the slots of one field hold this and everything else is as it was. */
  expected(field: number, fill: (text: Buffer) => string): string;
  /** Takes away texts, entries and output, as their owners do after a run. */
  dismiss(): void;
}

/** Lays out a run; slots have `slotLength(text)` characters and stand one character apart, so that a store that is too long shows. */
export function layOut(arena: Arena, requests: readonly SlotRequest[], slotLength: (text: Buffer) => number): LaidOut {
  const { bytes } = arena;
  let source = arena.intake.input;
  let destination = arena.outlet.output;
  const slots: { text: Buffer; field: number; length: number }[] = [];
  const slot = (text: Buffer, field: number): number => {
    const length = slotLength(text);
    const at = destination;
    slots.push({ text, field, length });
    bytes.write(unfilled.repeat(length) + between, at, 'latin1');
    destination += length + 1;
    return at;
  };
  for (const [index, { text, field, twice }] of requests.entries()) {
    bytes.set(text, source);
    const entry = [source, text.length, slot(text, field), twice === true ? slot(text, field) : 0, field];
    arena.words.set(entry, (arena.gathers + index * gatherEntryBytes) >> 2);
    // Something else follows every text, as in a record.
    bytes.fill(0xa5, source + text.length, source + text.length + 3);
    source += text.length + 3;
  }
  const end = destination;
  return {
    entries: requests.length,
    output: () => bytes.toString('latin1', arena.outlet.output, end),
    expected: (wanted, fill) =>
      slots.map(({ text, field, length }) => `${field === wanted ? fill(text) : unfilled.repeat(length)}${between}`).join(''),
    dismiss: () => {
      bytes.fill(0, arena.intake.input, source);
      bytes.fill(0, arena.outlet.output, end);
      bytes.fill(0, arena.gathers, arena.gathers + requests.length * gatherEntryBytes);
    },
  };
}

/** Where any of these still stand in the arena, and where the kernels' own space is not zero. */
export function residues(arena: Arena, secrets: readonly Buffer[]): string[] {
  const found = secrets.flatMap((secret, index) => (arena.bytes.includes(secret) ? [`secret ${index}`] : []));
  const ranges = [
    [kernelSpace.tokens, kernelSpace.batches],
    [arena.lockstep, arena.lockstepEnd],
  ] as const;
  for (const [from, to] of ranges) {
    const at = arena.bytes.subarray(from, to).findIndex((byte) => byte !== 0);
    if (at >= 0) found.push(`byte ${from + at}`);
  }
  return found;
}

export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(Math.random() * (index + 1));
    [result[index], result[other]] = [result[other] as T, result[index] as T];
  }
  return result;
}
