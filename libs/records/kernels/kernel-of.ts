/** The token kernel over an arena's memory, instantiated once, and the cleaning up behind it. */
import type { Arena } from '../arena/arena.ts';
import { instantiateKernel } from '../arena/webassembly.ts';
import type { TokenKernel } from './token-kernel.ts';
import { tokenKernelBytes } from './token-kernel.ts';
import { listEnd, tokenSpace } from './token-space.ts';

const kernels = new WeakMap<Arena, TokenKernel>();

export function kernelOf(arena: Arena): TokenKernel {
  const known = kernels.get(arena);
  if (known !== undefined) return known;
  const kernel = instantiateKernel<TokenKernel>(tokenKernelBytes(), { memory: arena.memory });
  kernels.set(arena, kernel);
  return kernel;
}

/** Zeros over all that the kernels wrote besides slots: their own space, and so many bytes of the lock-step region. */
export function wipeTokenSpace(arena: Arena, lockstepBytes: number): void {
  arena.bytes.fill(0, tokenSpace.start, listEnd);
  if (lockstepBytes > 0) arena.bytes.fill(0, arena.lockstep, arena.lockstep + lockstepBytes);
}

/** A maker has its kernel over one memory; the addresses of another one mean nothing there. */
export function sameArena(own: Arena, given: Arena): void {
  if (own !== given) throw new Error('slot maker: it was made for another arena');
}
