/** The module with the batch kernels, and its instance in an arena. */
import { ModuleWriter } from '../../wasm/index.ts';
import type { Arena } from '../arena/arena.ts';
import { batchSpace } from '../arena/arena-layout.ts';
import { instantiateKernel } from '../arena/webassembly.ts';
import { patternTables } from './copy-code.ts';
import { addLayOut } from './digest-code.ts';
import { addEncode } from './encode-code.ts';
import { addFold } from './fold-code.ts';
import { addFrame } from './frame-code.ts';
import { addPackLz4, addPackSnappy } from './pack-code.ts';
import { addAlike, addCountBytes, addNewest } from './survey-code.ts';
import { addUnpackLz4, addUnpackSnappy, snappyTags } from './unpack-code.ts';

/** Addresses are bytes of the arena's memory; each function's contract stands where it is emitted. */
export interface BatchKernel {
  frame(
    input: number,
    length: number,
    count: number,
    lastDelta: number,
    ranges: number,
    timestamps: number,
    base: bigint,
    deltaMask: bigint,
    origin: number,
    firstDelta: number,
  ): number;
  unpackLz4(source: number, sourceEnd: number, target: number, windowStart: number, targetEnd: number): number;
  unpackSnappy(source: number, sourceEnd: number, target: number, targetEnd: number): number;
  packLz4(source: number, length: number, target: number): number;
  packSnappy(source: number, length: number, target: number): number;
  encode(
    ranges: number,
    from: number,
    to: number,
    output: number,
    outputBytes: number,
    timestamps: number,
    now: bigint,
    headers: number,
    headersBytes: number,
    batch: number,
    softEnd: number,
    hardEnd: number,
  ): number;
  layOut(
    ranges: number,
    from: number,
    to: number,
    output: number,
    outputBytes: number,
    target: number,
    targetEnd: number,
  ): number;
  fold(data: number, folded: number, end: number, state: number, target: number): void;
  countBytes(start: number, length: number, byte: number): number;
  newest(start: number, count: number): number;
  alike(ranges: number, count: number, base: number, bytesMax: number): number;
}

const kernels = new WeakMap<Arena, BatchKernel>();

/** The kernels over this arena. */
export function batchKernel(arena: Arena): BatchKernel {
  const known = kernels.get(arena);
  if (known !== undefined) return known;
  const kernel = instantiateKernel<BatchKernel>(emitBatchKernel(), { memory: arena.memory });
  kernels.set(arena, kernel);
  return kernel;
}

function emitBatchKernel(): Uint8Array {
  const module = new ModuleWriter();
  addFrame(module);
  addUnpackLz4(module);
  addUnpackSnappy(module);
  addPackLz4(module);
  addPackSnappy(module);
  addEncode(module);
  addLayOut(module);
  addFold(module);
  addCountBytes(module);
  addNewest(module);
  addAlike(module);
  module.data(batchSpace.patterns, patternTables());
  module.data(batchSpace.tags, snappyTags());
  return module.finish(1);
}
