/**
 * Emits FF1 of decimal digits in lock-step: every text at hand puts its block of a round into a row of blocks, the host encrypts the row at once, and
 * ten times so. What depends on the count of digits alone is in `tokenSpace.shape`. Source: NIST SP 800-38G, algorithm 7; step numbers are its.
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { constant, copyText, eachOfField, storeMasked, tailMask, upFromZero, zeros } from './lane-code.ts';
import { blockBytes, listEnd, shapePlace, tokenSpace } from './token-space.ts';

/** Fewest and most digits that are encrypted. */
export const [digitsMin, digitsMax] = [6, 19];
/** Bits of `ff1Counts` for a text with too few or too many digits, and for a second destination. */
export const [badCountBit, secondBit] = [1, 2];

/** Digits of each half that are handled as one vector; a half with more has leading ones. */
const vectorDigits = 8;
const tenToVectorDigits = 100_000_000;
/** A half of the largest text needs five bytes, and then a round's number twelve. */
const wideDigits = 19;
const zeroCharacter = 0x30;

const words16 = (low: number, high: number): number[] => [0, 1, 2, 3].flatMap(() => [low, 0, high, 0]);

export function addFf1(module: ModuleWriter): void {
  addCounts(module);
  addFirst(module);
  addRound(module);
  addLast(module);
}

/** ff1Counts(gathers, byte behind them, field, characters that are not encrypted) -> bit n for each count of digits n, and the two above. */
function addCounts(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'ff1Counts');
  const [entry, end, field, fixed] = [0, 1, 2, 3];
  const [counts, digits] = [c.local('i32'), c.local('i32')];
  eachOfField(c, { entry, end, field }, () => {
    c.get(counts).i32(1).get(entry).load('i32.load', 4).get(fixed).op('i32.sub').tee(digits).op('i32.shl').i32(badCountBit);
    c.get(digits)
      .i32(digitsMin)
      .op('i32.sub')
      .i32(digitsMax - digitsMin)
      .op('i32.le_u', 'select', 'i32.or');
    c.i32(secondBit).i32(0).get(entry).load('i32.load', 12).op('select', 'i32.or').set(counts);
  });
  c.get(counts);
}

/**
 * ff1First(first gather entry, byte behind the last, field, length of the text, characters before the digits, digits, blocks, values) -> texts in the
 * step, those of this length. Their entries are in `tokenSpace.list`, both halves in two i64 of `values`, the blocks of round 0 in `blocks`;
 * `tokenSpace.cursor` says where the next call goes on.
 */
function addFirst(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32'], 'ff1First');
  const [entry, end, field, length, first, digits, block, value] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [listed, source, left] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const halves = [c.local('i64'), c.local('i64')] as const;
  const [reversed, base] = [constant(c, [...upFromZero].reverse()), c.local('v128')];
  const parse = halfParser(c, halves);
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.base).set(base);
  c.i32(tokenSpace.list).set(listed);
  c.get(digits).i32(1).op('i32.shr_u').set(left);
  eachOfField(
    c,
    { entry, end, field },
    (full) => {
      c.get(listed).i32(listEnd).op('i32.eq').brIf(full);
      c.get(entry).load('i32.load', 0).get(first).op('i32.add').set(source);
      parse(source, left, digits);
      c.get(value).get(halves[0]).store('i64.store', 0);
      c.get(value).get(halves[1]).store('i64.store', 8);
      c.get(block);
      c.v128(zeros).get(halves[1]).replaceLane64(0).get(reversed).vec('i8x16.relaxed_swizzle');
      c.get(base).vec('v128.xor').store('v128.store');
      c.get(listed).get(entry).store('i32.store');
      c.get(listed).i32(4).op('i32.add').set(listed);
      c.get(block).i32(blockBytes).op('i32.add').set(block);
      c.get(value).i32(blockBytes).op('i32.add').set(value);
    },
    () => c.get(entry).load('i32.load', 4).get(length).op('i32.eq', 'i32.and'),
  );
  c.i32(tokenSpace.cursor).get(entry).store('i32.store');
  c.get(listed).i32(tokenSpace.list).op('i32.sub').i32(2).op('i32.shr_u');
}

/** Step 2: emits both halves of the digits at `source` as numbers. */
function halfParser(c: Code, halves: readonly [number, number]): (source: number, left: number, digits: number) => void {
  const zeroCharacters = constant(
    c,
    zeros.map(() => zeroCharacter),
  );
  const [evenBytes, tens, hundreds] = [
    constant(c, words16(0xff, 0xff)),
    constant(c, words16(10, 10)),
    constant(c, words16(100, 1)),
  ];
  const [mask, numbers] = [c.local('v128'), c.local('v128')];
  const [at, until] = [c.local('i32'), c.local('i32')];
  const leading = c.local('i64');
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.digitMask).set(mask);
  return (source, left, digits) => {
    c.get(source).get(left).op('i32.add').i32(vectorDigits).op('i32.sub').load('i64.load').vec('i64x2.splat');
    c.get(source).get(digits).op('i32.add').i32(vectorDigits).op('i32.sub').load('i64.load').replaceLane64(1);
    c.get(zeroCharacters).vec('i8x16.sub').get(mask).vec('v128.and').tee(numbers).get(evenBytes).vec('v128.and').get(tens);
    c.vec('i16x8.mul').get(numbers).i32(8).vec('i16x8.shr_u', 'i16x8.add').get(hundreds).vec('i32x4.dot_i16x8_s').set(numbers);
    for (const [index, half] of halves.entries()) {
      c.get(numbers)
        .extractLane32(index * 2)
        .i32(10_000)
        .op('i32.mul');
      c.get(numbers)
        .extractLane32(index * 2 + 1)
        .op('i32.add', 'i64.extend_i32_u')
        .set(half);
    }
    c.get(digits)
      .i32(2 * vectorDigits)
      .op('i32.gt_u');
    c.if(() => {
      for (const [index, half] of halves.entries()) {
        c.get(source);
        if (index === 1) c.get(left).op('i32.add');
        c.set(at);
        c.get(source)
          .get(index === 0 ? left : digits)
          .op('i32.add')
          .i32(vectorDigits)
          .op('i32.sub')
          .set(until);
        c.i64(0n).set(leading);
        c.block((all) => {
          c.loop((next) => {
            c.get(at).get(until).op('i32.eq').brIf(all);
            c.get(leading).i64(10n).op('i64.mul');
            c.get(at).load('i32.load8_u').i32(zeroCharacter).op('i32.sub', 'i64.extend_i32_u', 'i64.add').set(leading);
            c.get(at).i32(1).op('i32.add').set(at).br(next);
          });
        });
        c.get(leading).i64(BigInt(tenToVectorDigits)).op('i64.mul').get(half).op('i64.add').set(half);
      }
    });
  };
}

/** ff1Round(texts in the step, round, digits, blocks, values): steps 6 iii to 6 viii, then steps 6 i and the block of 6 ii for the next round. */
function addRound(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32'], [], 'ff1Round');
  const [count, round, digits, block, value] = [0, 1, 2, 3, 4];
  const [modulus, nextRound, made] = [c.local('i64'), c.local('i64'), c.local('i64')];
  const [reversed, base, stream] = [constant(c, [...upFromZero].reverse()), c.local('v128'), c.local('v128')];
  const end = c.local('i32');
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.base).set(base);
  c.get(round)
    .i32(1)
    .op('i32.and')
    .i32(3)
    .op('i32.shl')
    .load('i64.load', tokenSpace.shape + shapePlace.moduli)
    .set(modulus);
  c.get(round).i32(1).op('i32.add', 'i64.extend_i32_u');
  c.i32(tokenSpace.shape).load('i64.load', shapePlace.roundShift).op('i64.shl').set(nextRound);
  c.get(block).get(count).i32(4).op('i32.shl', 'i32.add').set(end);
  c.block((done) => {
    c.loop((next) => {
      c.get(block).get(end).op('i32.eq').brIf(done);
      c.get(block).load('v128.load').get(reversed).vec('i8x16.relaxed_swizzle').tee(stream).extractLane64(1).set(made);
      c.get(digits).i32(wideDigits).op('i32.eq');
      // Twelve bytes: a number below the modulus, less than 2^34, leaves room for two more bytes at a time.
      c.if(() => {
        for (const part of [16, 0]) {
          c.get(made).get(modulus).op('i64.rem_u').i64(16n).op('i64.shl');
          c.get(stream)
            .extractLane32(1)
            .i32(part)
            .op('i32.shr_u')
            .i32(0xffff)
            .op('i32.and', 'i64.extend_i32_u', 'i64.or')
            .set(made);
        }
      });
      c.get(made).get(modulus).op('i64.rem_u').get(value).load('i64.load', 0).op('i64.add').tee(made);
      c.get(modulus).i64(0n).get(made).get(modulus).op('i64.ge_u', 'select', 'i64.sub').set(made);
      c.get(value).get(value).load('i64.load', 8).store('i64.store', 0);
      c.get(value).get(made).store('i64.store', 8);
      c.get(block);
      c.v128(zeros).get(made).get(nextRound).op('i64.or').replaceLane64(0).get(reversed).vec('i8x16.relaxed_swizzle');
      c.get(base).vec('v128.xor').store('v128.store');
      c.get(block).i32(blockBytes).op('i32.add').set(block);
      c.get(value).i32(blockBytes).op('i32.add').set(value).br(next);
    });
  });
}

/** ff1Last(texts in the step, characters before the digits, digits, values): step 7 into the slots, behind the characters that stay. */
function addLast(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], [], 'ff1Last');
  const [count, first, digits, value] = [0, 1, 2, 3];
  const [entry, listed, end, to, left] = c.locals('i32', 'i32', 'i32', 'i32', 'i32');
  const halves = [c.local('i64'), c.local('i64')] as const;
  const [outIndex, outMask, characters] = [c.local('v128'), c.local('v128'), c.local('v128')];
  const format = digitFormatter(c, halves, characters);
  const tail = tailMask(c, first);
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.outIndex).set(outIndex);
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.outMask).set(outMask);
  c.get(digits).i32(1).op('i32.shr_u').set(left);
  c.i32(tokenSpace.list).tee(listed).get(count).i32(2).op('i32.shl', 'i32.add').set(end);
  c.block((done) => {
    c.loop((next) => {
      c.get(listed).get(end).op('i32.eq').brIf(done);
      c.get(listed).load('i32.load').tee(entry).load('i32.load', 8).get(first).op('i32.add').set(to);
      c.get(value).load('i64.load', 0).set(halves[0]);
      c.get(value).load('i64.load', 8).set(halves[1]);
      c.get(digits)
        .i32(2 * vectorDigits)
        .op('i32.le_u');
      c.if(
        () => {
          format();
          c.get(characters).get(outIndex).vec('i8x16.relaxed_swizzle').set(characters);
          storeMasked(c, to, 0, characters, outMask);
        },
        () => {
          emitLeading(c, halves[0], to, left);
          c.get(to).get(left).op('i32.add').set(to);
          c.get(digits).get(left).op('i32.sub').set(left);
          emitLeading(c, halves[1], to, left);
          format();
          c.get(to).i32(vectorDigits).op('i32.sub').get(characters).extractLane64(0).store('i64.store');
          c.get(to).get(left).op('i32.add').i32(vectorDigits).op('i32.sub').get(characters).extractLane64(1).store('i64.store');
          c.get(digits).get(left).op('i32.sub').set(left);
        },
      );
      copyText(
        c,
        () => c.get(entry).load('i32.load', 8),
        () => c.get(entry).load('i32.load', 0),
        first,
        tail,
      );
      c.get(value).i32(blockBytes).op('i32.add').set(value);
      c.get(listed).i32(4).op('i32.add').set(listed).br(next);
    });
  });
}

/** Writes the digits of a half before its last eight, and takes them from it. */
function emitLeading(c: Code, half: number, to: number, digits: number): void {
  const [leading, at] = [c.local('i64'), c.local('i32')];
  c.get(half).i64(BigInt(tenToVectorDigits)).op('i64.div_u').set(leading);
  c.get(half).get(leading).i64(BigInt(tenToVectorDigits)).op('i64.mul', 'i64.sub').set(half);
  c.get(to).get(digits).op('i32.add').i32(vectorDigits).op('i32.sub').set(at);
  c.block((all) => {
    c.loop((next) => {
      c.get(at).get(to).op('i32.eq').brIf(all);
      c.get(at).i32(1).op('i32.sub').tee(at);
      c.get(leading).i64(10n).op('i64.rem_u', 'i32.wrap_i64').i32(zeroCharacter).op('i32.add').store('i32.store8');
      c.get(leading).i64(10n).op('i64.div_u').set(leading).br(next);
    });
  });
  c.release('i64', leading);
  c.release('i32', at);
}

/** Emits both halves, each below 10^8, as eight characters each. */
function digitFormatter(c: Code, halves: readonly [number, number], characters: number): () => void {
  const zeroCharacters = constant(
    c,
    zeros.map(() => zeroCharacter),
  );
  const constants = {
    /** x * 5243 >> 19 is x / 100 for x < 10,000. */
    hundredth: constant(c, words32(5_243)),
    hundred: constant(c, words32(100)),
    /** x * 103 >> 10 is x / 10 for x < 100. */
    tenth: constant(c, words16(103, 103)),
    ten: constant(c, words16(10, 10)),
  };
  const [numbers, high] = [c.local('v128'), c.local('v128')];
  const [half, upper] = [c.local('i32'), c.local('i32')];
  return () => {
    for (const [index, number] of halves.entries()) {
      c.get(number).op('i32.wrap_i64').tee(half).i32(10_000).op('i32.div_u').set(upper);
      if (index === 0) c.get(upper).vec('i32x4.splat');
      else c.get(upper).replaceLane32(2);
      c.get(half)
        .get(upper)
        .i32(10_000)
        .op('i32.mul', 'i32.sub')
        .replaceLane32(index * 2 + 1);
    }
    c.tee(numbers).get(constants.hundredth).vec('i32x4.mul').i32(19).vec('i32x4.shr_u').tee(high);
    c.get(numbers)
      .get(high)
      .get(constants.hundred)
      .vec('i32x4.mul', 'i32x4.sub')
      .i32(16)
      .vec('i32x4.shl', 'v128.or')
      .tee(numbers);
    c.get(constants.tenth).vec('i16x8.mul').i32(10).vec('i16x8.shr_u').tee(high);
    c.get(numbers).get(high).get(constants.ten).vec('i16x8.mul', 'i16x8.sub').i32(8).vec('i16x8.shl', 'v128.or');
    c.get(zeroCharacters).vec('i8x16.add').set(characters);
  };
}

const words32 = (word: number): number[] => [0, 1, 2, 3].flatMap(() => [word & 0xff, word >> 8, 0, 0]);
