/** Binds an emitted module to keys and runs it in the arena: records in, module, tokens, records out. */
import { createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Result } from '../../base/index.ts';
import { fail, limits, ok } from '../../base/index.ts';
import { firstByte } from '../../records/index.ts';
import { deriveFieldKey } from '../interpreter.ts';
import type { BoundProgram, ProgramBinding, RunnableProgram } from '../program.ts';
import { outcomes, refusals } from '../program.ts';
import type { Arena } from './arena.ts';
import { sharedArena } from './arena.ts';
import { scratch } from './arena-layout.ts';
import { laneTextBytesMax } from './token-kernel.ts';

const dataKeyBytes = 32;

/** What is written into the slot of a token of one field. */
interface TokenMaker {
  /** For texts that the kernel leaves to the host. */
  readonly key: KeyObject;
  /** For the kernel: what hashing starts from, inside and outside. */
  readonly states: Int32Array;
  readonly length: number;
}

/** A slot that the host fills, as the manifest names it. */
export interface TokenSlot {
  /** Index of the field plan. */
  readonly field: number;
  /** Label of its key. */
  readonly label: string;
  /** Hexadecimal characters. */
  readonly length: number;
}

export function bindModule(
  program: RunnableProgram,
  module: Uint8Array,
  tokens: readonly TokenSlot[],
  binding: ProgramBinding,
): Result<BoundProgram> {
  if (binding.dataKey.length !== dataKeyBytes)
    return fail('key-missing', 'binding program: the data key is missing or has a wrong length');
  const arena = sharedArena();
  const makers = new Map<number, TokenMaker>();
  for (const { field, label, length } of tokens) {
    const key = deriveFieldKey(binding.dataKey, binding.datasetId, label);
    makers.set(field, { key: createSecretKey(key), states: arena.keyStates(key), length });
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory: arena.memory } });
  const runModule = instance.exports['run'] as (from: number, to: number) => number;
  const tooLarge = refusals.indexOf('output-too-large');
  return ok({
    program,
    run(frames, from, to, out) {
      let next = from;
      while (next < to) {
        const end = arena.chunkEnd(frames, next, to, tokens.length);
        const used = out.length;
        const recordBytesMax = Math.min(limits.recordBytesMax, out.bytes.length);
        arena.open(frames, next, end, { used, limit: out.bytes.length, recordBytesMax, schemaId: binding.governedSchemaId });
        const done = runModule(0, end - next);
        writeTokens(arena, makers);
        out.bytes.set(arena.output(used), used);
        arena.results(out, next, done);
        out.length = arena.outUsed;
        const rolledBack = done < end - next || refusedBy(out, next, next + done, tooLarge);
        arena.wipe((frames.headersEnd[end - 1] as number) - firstByte(frames, next), out.length - used, rolledBack);
        next += done;
        if (done === 0) return next;
      }
      return next;
    },
  });
}

/** Fills every slot that the run left; one without a maker is a bug, and nothing of the batch may leave. */
function writeTokens(arena: Arena, makers: ReadonlyMap<number, TokenMaker>): void {
  const count = arena.gatherCount;
  if (count === 0) return;
  for (const [field, maker] of makers) {
    arena.setKeyStates(maker.states);
    arena.kernel.tokens(arena.gathers, count, field, scratch.keyStates, maker.length);
  }
  for (let entry = 0; entry < count; entry += 1) {
    const maker = makers.get(arena.gatherWord(entry, 4));
    if (maker === undefined) throw new Error('bindModule: a token slot has no key');
    const length = arena.gatherWord(entry, 1);
    if (length <= laneTextBytesMax) continue;
    const source = arena.gatherWord(entry, 0);
    const token = createHmac('sha256', maker.key)
      .update(arena.bytes.subarray(source, source + length))
      .digest('hex');
    for (const word of [2, 3] as const) {
      const destination = arena.gatherWord(entry, word);
      if (destination !== 0) arena.bytes.write(token.slice(0, maker.length), destination, 'latin1');
    }
  }
}

function refusedBy(
  out: { readonly outcome: Uint8Array; readonly reason: Uint8Array },
  from: number,
  to: number,
  reason: number,
): boolean {
  for (let index = from; index < to; index += 1)
    if (out.outcome[index] === outcomes.refuse && out.reason[index] === reason) return true;
  return false;
}
