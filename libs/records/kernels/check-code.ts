/** Emits what comes behind the encrypted digits: the check character of every slot, made anew, and second destinations. */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { constant, copyText, tailMask, upFromZero, zeros } from './lane-code.ts';
import { shapePlace, tokenSpace } from './token-space.ts';

const zeroCharacter = 0x30;
/** Characters before the check character that are handled as one vector; there may be more before them. */
const vectorCharacters = 16;
const luhnModulus = 10;
const mod11 = 11;
/** 2^k mod 11. */
const power = (k: number): number => 2 ** (k % 10) % mod11;

export function addCheckCharacters(module: ModuleWriter): void {
  addCheck(module);
  addCopySlots(module);
}

/**
 * checkCharacters(slots in `tokenSpace.list`, their length, 1 for Luhn and 0 for MOD 11-2): writes the last character from all before it.
 * Source: ISO/IEC 7812-1, annex B (Luhn); GB 11643-1999, clause 4.2.4, which is ISO 7064 MOD 11-2.
 */
function addCheck(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32'], [], 'checkCharacters');
  const [count, length, isLuhn] = [0, 1, 2];
  const [start, last, sum] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const digits = c.local('v128');
  const mask = c.local('v128');
  const zeroCharacters = constant(
    c,
    zeros.map(() => zeroCharacter),
  );
  const luhn = luhnSum(c, { digits, start, last, sum });
  const mod = mod11Sum(c, { digits, start, last, sum });
  c.i32(tokenSpace.shape).load('v128.load', shapePlace.checkMask).set(mask);
  eachListed(c, count, (entry) => {
    c.get(entry).load('i32.load', 8).tee(start).get(length).i32(1).op('i32.sub', 'i32.add').tee(last);
    c.i32(vectorCharacters)
      .op('i32.sub')
      .load('v128.load')
      .get(zeroCharacters)
      .vec('i8x16.sub')
      .get(mask)
      .vec('v128.and')
      .set(digits);
    c.get(last);
    c.get(isLuhn);
    c.if(luhn, mod, 'i32');
    c.store('i32.store8');
  });
}

interface CheckLocals {
  /** The last sixteen characters before the check character, as numbers. */
  readonly digits: number;
  /** Addresses of the first character and of the check character. */
  readonly start: number;
  readonly last: number;
  readonly sum: number;
}

/** Pushes Luhn's check character: from the right every second digit counts double, less nine when that has two digits. */
function luhnSum(c: Code, { digits, start, last, sum }: CheckLocals): () => void {
  const doubles = constant(c, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9, 0, 0, 0, 0, 0, 0]);
  const odd = constant(
    c,
    upFromZero.map((at) => (at % 2 === 1 ? 0xff : 0)),
  );
  const digit = c.local('i32');
  return () => {
    c.get(doubles).get(digits).vec('i8x16.relaxed_swizzle').get(digits).get(odd).vec('v128.bitselect');
    c.vec('i16x8.extadd_pairwise_i8x16_u', 'i32x4.extadd_pairwise_i16x8_u');
    emitLaneSum(c, digits);
    c.set(sum);
    emitBefore(c, { digits, start, last, sum }, (address) => {
      c.get(address).load('i32.load8_u').i32(zeroCharacter).op('i32.sub').set(digit);
      c.get(last).get(address).op('i32.sub').i32(1).op('i32.and');
      c.if(() => {
        c.get(digit)
          .i32(1)
          .op('i32.shl')
          .i32(0)
          .i32(luhnModulus - 1)
          .get(digit)
          .i32(5)
          .op('i32.lt_u', 'select', 'i32.sub')
          .set(digit);
      });
      c.get(sum).get(digit).op('i32.add').set(sum);
    });
    // (10 - sum mod 10) mod 10
    c.get(sum)
      .i32(luhnModulus - 1)
      .op('i32.mul')
      .i32(luhnModulus)
      .op('i32.rem_u')
      .i32(zeroCharacter)
      .op('i32.add');
  };
}

/** Pushes the check character of MOD 11-2: a digit k places before it counts 2^k. For seventeen digits these are the weights 7 9 10 5 8 4 2 1 ... 2. */
function mod11Sum(c: Code, { digits, start, last, sum }: CheckLocals): () => void {
  const weights = (odd: number): number =>
    constant(
      c,
      [0, 2, 4, 6, 8, 10, 12, 14].flatMap((at) => [power(vectorCharacters - at - odd), 0]),
    );
  const [evenWeights, oddWeights] = [weights(0), weights(1)];
  const evenBytes = constant(
    c,
    upFromZero.map((at) => (at % 2 === 0 ? 0xff : 0)),
  );
  const ones = constant(
    c,
    upFromZero.map((at) => (at % 2 === 0 ? 1 : 0)),
  );
  return () => {
    // What stands before the last sixteen, so that it counts as if they were not there, then moved up by them.
    c.i32(0).set(sum);
    emitBefore(c, { digits, start, last, sum }, (address) => {
      c.get(sum).get(address).load('i32.load8_u').i32(zeroCharacter).op('i32.sub', 'i32.add').i32(1).op('i32.shl').i32(mod11);
      c.op('i32.rem_u').set(sum);
    });
    c.get(digits).get(evenBytes).vec('v128.and').get(evenWeights).vec('i16x8.mul');
    c.get(digits).i32(8).vec('i16x8.shr_u').get(oddWeights).vec('i16x8.mul', 'i16x8.add').get(ones).vec('i32x4.dot_i16x8_s');
    emitLaneSum(c, digits);
    c.get(sum).i32(power(vectorCharacters)).op('i32.mul', 'i32.add').i32(mod11).op('i32.rem_u').set(sum);
    // 10X98765432
    c.i32('X'.charCodeAt(0));
    c.i32(mod11 + 1)
      .get(sum)
      .op('i32.sub')
      .i32(mod11)
      .op('i32.rem_u')
      .i32(zeroCharacter)
      .op('i32.add');
    c.get(sum).i32(2).op('i32.eq', 'select');
  };
}

/** Pops a vector and pushes the sum of its words; `scratch` is lost. */
function emitLaneSum(c: Code, scratch: number): void {
  c.set(scratch);
  for (let lane = 0; lane < 4; lane += 1) {
    c.get(scratch).extractLane32(lane);
    if (lane > 0) c.op('i32.add');
  }
}

/** Goes over the characters before the last sixteen, if any, from the left. */
function emitBefore(c: Code, { start, last }: CheckLocals, visit: (address: number) => void): void {
  c.block((done) => {
    c.loop((next) => {
      c.get(last).get(start).op('i32.sub').i32(vectorCharacters).op('i32.le_s').brIf(done);
      visit(start);
      c.get(start).i32(1).op('i32.add').set(start).br(next);
    });
  });
}

/** copySlots(slots in `tokenSpace.list`, their length): from the destination to the second one where there is one. */
function addCopySlots(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32'], [], 'copySlots');
  const [count, length] = [0, 1];
  const tail = tailMask(c, length);
  eachListed(c, count, (entry) => {
    c.get(entry).load('i32.load', 12);
    c.if(() =>
      copyText(
        c,
        () => c.get(entry).load('i32.load', 12),
        () => c.get(entry).load('i32.load', 8),
        length,
        tail,
      ),
    );
  });
}

function eachListed(c: Code, count: number, visit: (entry: number) => void): void {
  const [listed, end, entry] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.i32(tokenSpace.list).tee(listed).get(count).i32(2).op('i32.shl', 'i32.add').set(end);
  c.block((done) => {
    c.loop((next) => {
      c.get(listed).get(end).op('i32.eq').brIf(done);
      c.get(listed).load('i32.load').set(entry);
      visit(entry);
      c.get(listed).i32(4).op('i32.add').set(listed).br(next);
    });
  });
}
