/** The kernel module beside the Programs: it has the same memory as they have, no other import, and fills the slots that they leave. */
import { ModuleWriter } from '../../wasm/index.ts';
import { addCheckCharacters } from './check-code.ts';
import { addCmac } from './cmac-code.ts';
import { addFf1 } from './ff1-code.ts';
import { addHmac } from './hmac-code.ts';
import { sha256 } from './sha256-lanes.ts';
import { sm3 } from './sm3-lanes.ts';

/** Exports of the module; each is told at its emitter. Addresses and counts are i32. */
export interface TokenKernel {
  compressSha256(state: number, block: number): void;
  compressSm3(state: number, block: number): void;
  hmac(gathers: number, end: number, field: number, hexLength: number, isSm3: number, longer: number): number;
  cmacKeys(encryptedZeros: number): void;
  cmacFirst(from: number, end: number, field: number, blocks: number): number;
  cmacNext(count: number, done: number, blocks: number, hexLength: number): number;
  ff1Counts(gathers: number, end: number, field: number, fixed: number): number;
  ff1First(
    from: number,
    end: number,
    field: number,
    length: number,
    first: number,
    digits: number,
    blocks: number,
    values: number,
  ): number;
  ff1Round(count: number, round: number, digits: number, blocks: number, values: number): void;
  ff1Last(count: number, first: number, digits: number, values: number): void;
  checkCharacters(count: number, length: number, isLuhn: number): void;
  copySlots(count: number, length: number): void;
}

let emitted: Uint8Array | undefined;

/** The kernel module's bytes, the same in every process. */
export function tokenKernelBytes(): Uint8Array {
  emitted ??= emitTokenKernel();
  return emitted;
}

function emitTokenKernel(): Uint8Array {
  const module = new ModuleWriter();
  addHmac(
    module,
    {
      sha256: sha256.addCompress(module, 'compressSha256'),
      sm3: sm3.addCompress(module, 'compressSm3'),
    },
    'hmac',
  );
  addCmac(module);
  addFf1(module);
  addCheckCharacters(module);
  return module.finish(1);
}
