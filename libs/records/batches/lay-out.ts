/** Lays governed records out in the arena as a digest over them reads them, so that one update of a hash takes a whole run. */
import type { Arena } from '../arena/arena.ts';
import { ModuleWriter } from '../../wasm/index.ts';
import { instantiateKernel } from '../arena/webassembly.ts';
import type { BatchKernel } from './batch-kernel.ts';
import { batchKernel } from './batch-kernel.ts';
import { strayBytes } from './copy-code.ts';
import { addLayOut } from './digest-code.ts';

/**
 * Hands `take` the bytes of the records [from, to) of the arena's output that have a value: key and value, each behind its length in 4 bytes
 * big endian, -1 for a null key. A view that is valid during the call and wiped after it. Throws when a range lies outside of the output.
 */
export function layOut(arena: Arena, from: number, to: number, take: (bytes: Uint8Array) => void): void {
  const { encoded: start, encodedBytesMax } = arena.outlet;
  const end = laidOut(batchKernel(arena), arena, from, to, start, start + encodedBytesMax);
  if (end < 0) arena.bytes.fill(0, start, start + encodedBytesMax + strayBytes);
  mustFit(end);
  take(arena.bytes.subarray(start, end));
  arena.bytes.fill(0, start, end + strayBytes);
}

/** A memory that threads share, and its size. */
export interface SharedRoom {
  readonly memory: WebAssembly.Memory;
  /** Of 64 KiB. */
  readonly pages: number;
}

export function sharedRoom(pages: number): SharedRoom {
  return { memory: new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }), pages };
}

type LayOutKernel = Pick<BatchKernel, 'layOut'>;
const sharedKernels = new WeakMap<SharedRoom, WeakMap<Arena, LayOutKernel>>();

/** Most bytes that `layOutInto` writes for the records [from, to). */
export const laidOutBytesMax = ({ output }: Arena, from: number, to: number): number =>
  output.length + 8 * (to - from) + strayBytes;

/**
 * As `layOut`, to the address `at` of a shared memory, where nobody wipes it; up to `strayBytes` behind it mean nothing. `laidOutBytesMax` must be
 * free from there on. Bytes that were laid out.
 */
export function layOutInto(arena: Arena, room: SharedRoom, from: number, to: number, at: number): number {
  const targetEnd = at + laidOutBytesMax(arena, from, to) - strayBytes;
  const end = laidOut(sharedKernel(arena, room), arena, from, to, at, targetEnd);
  mustFit(end);
  return end - at;
}

/** What the kernel answers: the address behind the last record, or a fault. */
function laidOut(kernel: LayOutKernel, arena: Arena, from: number, to: number, target: number, targetEnd: number): number {
  const { outlet, output } = arena;
  if (from < 0 || to > output.valueStart.length) throw new RangeError('lay out: there are no such records');
  return kernel.layOut(outlet.ranges, from, to, outlet.output, output.length, target, targetEnd);
}

function mustFit(end: number): void {
  if (end < 0) throw new Error('lay out: a range is outside of the output');
}

function sharedKernel(arena: Arena, room: SharedRoom): LayOutKernel {
  let ofRoom = sharedKernels.get(room);
  if (ofRoom === undefined) sharedKernels.set(room, (ofRoom = new WeakMap()));
  const known = ofRoom.get(arena);
  if (known !== undefined) return known;
  const module = new ModuleWriter();
  addLayOut(module, 1);
  const kernel = instantiateKernel<LayOutKernel>(module.finish(1, { name: 'shared', pages: room.pages }), {
    memory: arena.memory,
    shared: room.memory,
  });
  ofRoom.set(arena, kernel);
  return kernel;
}
