/** Fills the slots that a run of a Program left with keyed tokens and with numbers of the same format. */
import type { Arena } from '../arena/arena.ts';

/** A keyed function that makes tokens. `hmac` takes 32 bytes of key, `cmac` the first 16. */
export type Prf = 'hmac-sha256' | 'hmac-sm3' | 'aes-128-cmac' | 'sm4-cmac';
export type BlockCipher = 'aes-128' | 'sm4';

/**
 * Fills the slots of one field of one bound Program, synchronously, between a run and the moment its records leave. It throws when a text is not what
 * the Program should have let through, and in every case leaves nothing of a key, a text or a result outside of the slots, but for results that it knows again
 * (`recalling-maker.ts`).
 */
export interface SlotMaker {
  /**
   * `entries` is the gather count of the run. Entries of other fields are not touched. The arena is the one that the maker was made for; its gather entries
   * are taken unless another list of them is named.
   */
  fill(arena: Arena, entries: number, field: number, gathers?: number): void;
}
