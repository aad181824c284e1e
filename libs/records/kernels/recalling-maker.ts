/**
 * Knows texts again. Identifiers come back: a clinic's patients, a gate's cars, a shop's customers. Where a result costs more than to look for it, it is kept
 * with a keyed tag of its text (`recall-code.ts`), in a table of fixed size that all makers of a thread share.
 */
import { randomBytes } from 'node:crypto';
import { ModuleWriter } from '../../wasm/index.ts';
import type { Arena } from '../arena/arena.ts';
import { gatherEntryBytes, recallSpace } from '../arena/arena-layout.ts';
import { instantiateKernel } from '../arena/webassembly.ts';
import { sameArena } from './kernel-of.ts';
import { addRecall, addRemember, addTagTexts } from './recall-code.ts';
import type { SlotMaker } from './slot-maker.ts';

/** Addresses and counts are i32; each function's contract stands where it is emitted. */
interface RecallKernel {
  tagTexts(gathers: number, end: number, field: number, work: number): number;
  recall(count: number, length: number, work: number): number;
  remember(count: number, length: number, work: number): void;
}

/** In place of a result's length. */
export const asLongAsText = 0;

/** After so many texts a maker asks whether looking for them pays: at least a quarter has to have been known. */
const textsToTell = 8_192;
/** So many times more are made without looking before it tries again. */
const restTimes = 16;

/** Makes what `inner` makes; `length` is that of its results, in bytes, or `asLongAsText`. Results that the table has no room for are always made. */
export function recallingMaker(arena: Arena, inner: SlotMaker, length: number): SlotMaker {
  return length > recallSpace.resultBytesMax ? inner : new RecallingMaker(arena, inner, length);
}

class RecallingMaker implements SlotMaker {
  readonly #arena: Arena;
  readonly #kernel: RecallKernel;
  readonly #inner: SlotMaker;
  readonly #length: number;
  /** Of the tags: two makers know nothing of each other's, and nobody else can tell what a tag is of. */
  readonly #key: Int32Array;
  #looked = 0;
  #missed = 0;
  /** Gather entries, those of other fields too, until texts are looked for again. */
  #rest = 0;

  constructor(arena: Arena, inner: SlotMaker, length: number) {
    this.#arena = arena;
    this.#kernel = tableOf(arena).kernel;
    this.#inner = inner;
    this.#length = length;
    const key = randomBytes(16);
    this.#key = Int32Array.from([0, 4, 8, 12], (at) => key.readInt32LE(at));
    key.fill(0);
  }

  fill(arena: Arena, entries: number, field: number, gathers = arena.gathers): void {
    sameArena(this.#arena, arena);
    if (this.#rest > 0) {
      this.#rest -= entries;
      this.#inner.fill(arena, entries, field, gathers);
      return;
    }
    const { words, bytes, recall: work } = arena;
    const end = gathers + entries * gatherEntryBytes;
    let most = 0;
    words.set(this.#key, (work + recallSpace.key) >> 2);
    try {
      for (let from = gathers; from < end; from = words[(work + recallSpace.cursor) >> 2] as number) {
        const count = this.#kernel.tagTexts(from, end, field, work);
        most = Math.max(most, count);
        const missing = this.#kernel.recall(count, this.#length, work);
        this.#looked += count;
        this.#missed += missing;
        if (missing === 0) continue;
        this.#inner.fill(arena, missing, field, work + recallSpace.missing);
        this.#kernel.remember(missing, this.#length, work);
      }
    } finally {
      bytes.fill(0, work, work + recallSpace.entries + most * 4);
      bytes.fill(0, work + recallSpace.tags, work + recallSpace.tags + most * 16);
      bytes.fill(0, work + recallSpace.missing, work + recallSpace.missing + most * gatherEntryBytes);
    }
    if (this.#looked < textsToTell) return;
    if (this.#missed > (this.#looked * 3) / 4) this.#rest = restTimes * this.#looked;
    this.#looked = 0;
    this.#missed = 0;
  }
}

const tables = new WeakMap<Arena, { readonly kernel: RecallKernel; readonly memory: WebAssembly.Memory }>();

function tableOf(arena: Arena): { readonly kernel: RecallKernel; readonly memory: WebAssembly.Memory } {
  const known = tables.get(arena);
  if (known !== undefined) return known;
  const module = new ModuleWriter();
  addTagTexts(module);
  addRecall(module);
  addRemember(module);
  const pages = recallSpace.tablePages;
  const table = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const memories = { memory: arena.memory, table };
  const made = { kernel: instantiateKernel<RecallKernel>(module.finish(1, { name: 'table', pages }), memories), memory: table };
  tables.set(arena, made);
  return made;
}

/** Every line of the arena's table. */
export const knownResults = (arena: Arena): Buffer => Buffer.from(tableOf(arena).memory.buffer);
