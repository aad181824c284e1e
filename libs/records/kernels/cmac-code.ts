/**
 * Emits CMAC tokens in lock-step: every text at hand puts one block into a row of blocks, the host encrypts the row at once, and the next step goes
 * on from what came back. Source: RFC 4493, sections 2.3 and 2.4; NIST SP 800-38B.
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { constant, eachOfField, hexOf, hexTables, storeSlot, tailMask, upFromZero, zeros } from './lane-code.ts';
import { blockBytes, finalRowBytes, listEnd, tokenSpace } from './token-space.ts';

export function addCmac(module: ModuleWriter): void {
  addKeys(module);
  addFirst(module);
  addNext(module);
}

/**
 * cmacKeys(block of zeros, encrypted): `tokenSpace.finals` from it. A last block with n bytes of text is (text AND mask) XOR sum, where the sum is
 * K1 for sixteen bytes, otherwise K2 with the bit that ends the text.
 */
function addKeys(module: ModuleWriter): void {
  const { code: c } = module.function(['i32'], [], 'cmacKeys');
  const encrypted = 0;
  const [high, low, carry, bytes, row] = [c.local('i64'), c.local('i64'), c.local('i64'), c.local('i32'), c.local('i32')];
  const reversed = constant(c, [...upFromZero].reverse());
  const [numbers, places] = [c.local('v128'), constant(c, upFromZero)];
  const endBit = constant(
    c,
    zeros.map(() => 0x80),
  );
  /** Times x in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1, as two 64-bit halves. */
  const double = (): void => {
    c.i64(0n).get(high).i64(63n).op('i64.shr_u', 'i64.sub').i64(0x87n).op('i64.and').set(carry);
    c.get(high).i64(1n).op('i64.shl').get(low).i64(63n).op('i64.shr_u', 'i64.or').set(high);
    c.get(low).i64(1n).op('i64.shl').get(carry).op('i64.xor').set(low);
  };
  const pushKey = (): void => {
    c.get(low).vec('i64x2.splat').get(high).replaceLane64(1).get(reversed).vec('i8x16.relaxed_swizzle');
  };
  c.get(encrypted).load('v128.load').get(reversed).vec('i8x16.relaxed_swizzle').tee(numbers).extractLane64(0).set(low);
  c.get(numbers).extractLane64(1).set(high);
  double();
  c.i32(tokenSpace.finals + blockBytes * finalRowBytes)
    .v128(zeros.map(() => 0xff))
    .store('v128.store');
  c.i32(tokenSpace.finals + blockBytes * finalRowBytes);
  pushKey();
  c.store('v128.store', blockBytes);
  double();
  pushKey();
  c.set(numbers);
  c.i32(tokenSpace.finals).set(row);
  c.loop((next) => {
    c.get(row).get(bytes).vec('i8x16.splat').get(places).vec('i8x16.gt_s').store('v128.store');
    c.get(row).get(bytes).vec('i8x16.splat').get(places).vec('i8x16.eq').get(endBit).vec('v128.and');
    c.get(numbers).vec('v128.xor').store('v128.store', blockBytes);
    c.get(row).i32(finalRowBytes).op('i32.add').set(row);
    c.get(bytes).i32(1).op('i32.add').tee(bytes).i32(blockBytes).op('i32.lt_u').brIf(next);
  });
}

/** Pushes a text's next block: all of it, or the last one with its end and key. */
function pushBlock(c: Code, source: number, rest: number, row: number): void {
  c.get(rest).i32(blockBytes).op('i32.gt_u');
  c.if(
    () => c.get(source).load('v128.load'),
    () => {
      c.get(rest).i32(5).op('i32.shl').i32(tokenSpace.finals).op('i32.add').set(row);
      c.get(source).load('v128.load').get(row).load('v128.load').vec('v128.and');
      c.get(row).load('v128.load', blockBytes).vec('v128.xor');
    },
    'v128',
  );
}

/**
 * cmacFirst(first gather entry, byte behind the last, field, blocks) -> texts in the step. Their entries are in `tokenSpace.list`, and
 * `tokenSpace.cursor` says where the next call goes on.
 */
function addFirst(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'cmacFirst');
  const [entry, end, field, block] = [0, 1, 2, 3];
  const [listed, source, rest, row] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  c.i32(tokenSpace.list).set(listed);
  eachOfField(c, { entry, end, field }, (full) => {
    c.get(listed).i32(listEnd).op('i32.eq').brIf(full);
    c.get(entry).load('i32.load', 0).set(source);
    c.get(entry).load('i32.load', 4).set(rest);
    c.get(block);
    pushBlock(c, source, rest, row);
    c.store('v128.store');
    c.get(listed).get(entry).store('i32.store');
    c.get(listed).i32(4).op('i32.add').set(listed);
    c.get(block).i32(blockBytes).op('i32.add').set(block);
  });
  c.i32(tokenSpace.cursor).get(entry).store('i32.store');
  c.get(listed).i32(tokenSpace.list).op('i32.sub').i32(2).op('i32.shr_u');
}

/**
 * cmacNext(texts in the step, bytes done by it, blocks, hexadecimal characters) -> texts in the next step. The encrypted blocks are in their places;
 * a text that is done gets its slot filled, the other ones move up with their next block.
 */
function addNext(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'cmacNext');
  const [count, done, block, hexLength] = [0, 1, 2, 3];
  const [listed, listEnd, kept, keptBlock, entry, source, rest, row] = c.locals(
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
  );
  const tables = hexTables(c);
  const tail = tailMask(c, hexLength);
  const [code, first, second] = [c.local('v128'), c.local('v128'), c.local('v128')];
  c.i32(tokenSpace.list).tee(listed).tee(kept).get(count).i32(2).op('i32.shl', 'i32.add').set(listEnd);
  c.get(block).set(keptBlock);
  c.block((end) => {
    c.loop((next) => {
      c.get(listed).get(listEnd).op('i32.eq').brIf(end);
      c.get(listed).load('i32.load').tee(entry).load('i32.load', 4).get(done).op('i32.sub').tee(rest).i32(0).op('i32.le_s');
      c.if(
        () => {
          c.get(block).load('v128.load').set(code);
          hexOf(c, code, [first, second], tables);
          storeSlot(c, entry, [first, second], hexLength, tail);
        },
        () => {
          c.get(entry).load('i32.load', 0).get(done).op('i32.add').set(source);
          c.get(keptBlock);
          pushBlock(c, source, rest, row);
          c.get(block).load('v128.load').vec('v128.xor').store('v128.store');
          c.get(kept).get(entry).store('i32.store');
          c.get(kept).i32(4).op('i32.add').set(kept);
          c.get(keptBlock).i32(blockBytes).op('i32.add').set(keptBlock);
        },
      );
      c.get(listed).i32(4).op('i32.add').set(listed);
      c.get(block).i32(blockBytes).op('i32.add').set(block).br(next);
    });
  });
  c.get(kept).i32(tokenSpace.list).op('i32.sub').i32(2).op('i32.shr_u');
}
