/** The kernel's functions over UTF-8 text: checking it, counting code points, and finding where they start. */
import { textTables } from '../../records/index.ts';
import type { Code, ModuleWriter } from '../../wasm/index.ts';

const splat = (byte: number): number[] => Array.from({ length: 16 }, () => byte);
const lanesFrom = (first: number): number[] => Array.from({ length: 16 }, (_, lane) => first + lane);

/** What can be wrong with two bytes in a row; each bit is set in all three tables where that is so. */
const tooShort = 0x01;
const tooLong = 0x02;
const overlong3 = 0x04;
const tooLarge = 0x08;
const surrogate = 0x10;
const overlong2 = 0x20;
const tooLarge1000 = 0x40;
const overlong4 = 0x40;
const twoContinuations = 0x80;
const carry = tooShort | tooLong | twoContinuations;
const times = (count: number, bits: number): number[] => Array.from({ length: count }, () => bits);

/** By the first byte's high four bits, its low four bits, and the second byte's high four bits. */
const firstHigh = [
  ...times(8, tooLong),
  ...times(4, twoContinuations),
  tooShort | overlong2,
  tooShort,
  tooShort | overlong3 | surrogate,
  tooShort | tooLarge | tooLarge1000 | overlong4,
];
const firstLow = [
  carry | overlong3 | overlong2 | overlong4,
  carry | overlong2,
  carry,
  carry,
  carry | tooLarge,
  ...times(8, carry | tooLarge | tooLarge1000),
  carry | tooLarge | tooLarge1000 | surrogate,
  ...times(2, carry | tooLarge | tooLarge1000),
];
const secondHigh = [
  ...times(8, tooShort),
  tooLong | overlong2 | twoContinuations | overlong3 | tooLarge1000 | overlong4,
  tooLong | overlong2 | twoContinuations | overlong3 | tooLarge,
  ...times(2, tooLong | overlong2 | twoContinuations | surrogate | tooLarge),
  ...times(4, tooShort),
];

/** The tables in memory, one vector each. */
const tables = {
  firstHigh,
  firstLow,
  secondHigh,
  lowNibble: splat(0x0f),
  thirdByte: splat(0xe0 - 0x80),
  fourthByte: splat(0xf0 - 0x80),
  highBit: splat(0x80),
  lanes: lanesFrom(0),
  /** As signed bytes those above it begin a code point. */
  belowStarts: splat(0xbf),
  /** The largest bytes that may be the third from last, the last but one and the last. */
  cutOff: [...times(13, 0xff), 0xf0 - 1, 0xe0 - 1, 0xc0 - 1],
  /** What a slot holds until it is filled: exclamation marks. */
  marker: splat(0x21),
  highNibble: splat(0xf0),
  threeBytes: splat(0xe0),
  leadE0: splat(0xe0),
  leadED: splat(0xed),
} as const;
type TableName = keyof typeof tables;
const tableAt = (name: TableName): number => textTables + 16 * Object.keys(tables).indexOf(name);

/** Puts the tables where the functions find them. */
export function addTextTables(module: ModuleWriter): void {
  module.data(textTables, new Uint8Array(Object.values(tables).flat()));
}

/** Pushes a table. */
export const pushTable = (c: Code, name: TableName): Code => c.i32(0).load('v128.load', tableAt(name));

/**
 * Every pair of neighbours is looked up, 16 at a time, whatever the mix. The last chunk is filled up with zeros, which also tells a sequence that
 * is cut off. The arena has room behind every input, so a load never leaves it. Source: RFC 3629; J. Keiser and D. Lemire, "Validating UTF-8 in
 * less than one instruction per byte" (2021).
 */
export function addIsUtf8(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const left = c.local('i32');
  const pairs = new Pairs(c);
  c.get(end).get(p).op('i32.sub').set(left);
  c.block((last) => {
    c.loop((next) => {
      c.get(left).i32(16).op('i32.lt_s').brIf(last);
      c.get(p).load('v128.load');
      pairs.check();
      pairs.goOn();
      c.get(p).i32(16).op('i32.add').set(p);
      c.get(left).i32(16).op('i32.sub').set(left).br(next);
    });
  });
  pairs.pushFilledUp(p, 0, left);
  pairs.check();
  pairs.pushVerdict();
  return index;
}

/** The same for at most 16 bytes, and for 17 to 32, without a loop whose end has to be guessed: (p, length) -> 1 when they are UTF-8. */
export function addIsShortUtf8(module: ModuleWriter, vectors: 1 | 2): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, length] = [0, 1];
  const pairs = new Pairs(c);
  if (vectors === 2) {
    c.get(p).load('v128.load');
    pairs.check();
    pairs.goOn();
    c.get(length).i32(16).op('i32.sub').set(length);
  }
  pairs.pushFilledUp(p, 16 * (vectors - 1), length);
  pairs.check();
  pairs.checkCutOff();
  pairs.pushVerdict();
  return index;
}

/** Looks up neighbouring bytes, one vector after the other. */
class Pairs {
  readonly #c: Code;
  readonly #input: number;
  readonly #before: number;
  readonly #errors: number;
  readonly #first: number;
  readonly #tables: Readonly<
    Record<'firstHigh' | 'firstLow' | 'secondHigh' | 'lowNibble' | 'thirdByte' | 'fourthByte' | 'highBit', number>
  >;

  constructor(c: Code) {
    this.#c = c;
    [this.#input, this.#before, this.#errors, this.#first] = [c.local('v128'), c.local('v128'), c.local('v128'), c.local('v128')];
    const loaded = (name: TableName): number => {
      const local = c.local('v128');
      pushTable(c, name).set(local);
      return local;
    };
    this.#tables = {
      firstHigh: loaded('firstHigh'),
      firstLow: loaded('firstLow'),
      secondHigh: loaded('secondHigh'),
      lowNibble: loaded('lowNibble'),
      thirdByte: loaded('thirdByte'),
      fourthByte: loaded('fourthByte'),
      highBit: loaded('highBit'),
    };
  }

  /** Takes the vector on the stack. */
  check(): void {
    const [c, input, before, first] = [this.#c, this.#input, this.#before, this.#first];
    const {
      firstHigh: high,
      firstLow: low,
      secondHigh: second,
      lowNibble: nibble,
      thirdByte,
      fourthByte,
      highBit,
    } = this.#tables;
    c.set(input);
    c.get(before).get(input).shuffle(lanesFrom(15)).set(first);
    c.get(high).get(first).i32(4).vec('i16x8.shr_u').get(nibble).vec('v128.and', 'i8x16.relaxed_swizzle');
    c.get(low).get(first).get(nibble).vec('v128.and', 'i8x16.relaxed_swizzle', 'v128.and');
    c.get(second).get(input).i32(4).vec('i16x8.shr_u').get(nibble).vec('v128.and', 'i8x16.relaxed_swizzle', 'v128.and');
    // The third byte behind a lead of three or four, and the fourth behind one of four, must be the second continuation in a row.
    c.get(before).get(input).shuffle(lanesFrom(14)).get(thirdByte).vec('i8x16.sub_sat_u');
    c.get(before).get(input).shuffle(lanesFrom(13)).get(fourthByte).vec('i8x16.sub_sat_u', 'v128.or');
    c.get(highBit).vec('v128.and', 'v128.xor').get(this.#errors).vec('v128.or').set(this.#errors);
  }

  /** The vector that was checked is the one before the next. */
  goOn(): void {
    this.#c.get(this.#input).set(this.#before);
  }

  /** Pushes the bytes at `p + offset`, so many as the local says and zeros behind them. */
  pushFilledUp(p: number, offset: number, count: number): void {
    const c = this.#c;
    c.get(count).vec('i8x16.splat');
    pushTable(c, 'lanes').vec('i8x16.gt_s').get(p).load('v128.load', offset).vec('v128.and');
  }

  /** No vector follows the last one: it must not begin what is longer than it is. Where zeros follow a text in it, the pairs tell. */
  checkCutOff(): void {
    const c = this.#c;
    c.get(this.#input);
    pushTable(c, 'cutOff').vec('i8x16.sub_sat_u').get(this.#errors).vec('v128.or').set(this.#errors);
  }

  pushVerdict(): void {
    this.#c.get(this.#errors).vec('v128.any_true').op('i32.eqz');
  }
}

/** Pushes 1 when the byte at `p` starts a code point. */
function startsPoint(c: Code, p: number): Code {
  return c.get(p).load('i32.load8_u').i32(0xc0).op('i32.and').i32(0x80).op('i32.ne');
}

/** Counts the bytes that are no continuation: as signed bytes those are above -65. */
export function addPoints(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const [count, left, starts] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.block((done) => {
    c.loop((again) => {
      c.get(end).get(p).op('i32.sub').tee(left).i32(0).op('i32.le_s').brIf(done);
      c.get(p).load('v128.load');
      pushTable(c, 'belowStarts').vec('i8x16.gt_s', 'i8x16.bitmask').set(starts);
      c.get(left).i32(16).op('i32.lt_s');
      c.if(() => c.get(starts).i32(1).get(left).op('i32.shl').i32(1).op('i32.sub', 'i32.and').set(starts));
      c.get(starts).op('i32.popcnt').get(count).op('i32.add').set(count);
      c.get(p).i32(16).op('i32.add').set(p).br(again);
    });
  });
  c.get(count);
  return index;
}

/** Takes the code points that start in 16 bytes at a time; in the last chunk drops the lowest `count` starts and takes the next. */
export function addAdvance(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32'], ['i32']);
  const [p, end, count] = [0, 1, 2];
  const [left, starts, here] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.loop((again) => {
    c.get(end)
      .get(p)
      .op('i32.sub')
      .tee(left)
      .i32(0)
      .op('i32.le_s')
      .if(() => c.get(end).op('return'));
    c.get(p).load('v128.load');
    pushTable(c, 'belowStarts').vec('i8x16.gt_s', 'i8x16.bitmask').set(starts);
    c.get(left).i32(16).op('i32.lt_s');
    c.if(() => c.get(starts).i32(1).get(left).op('i32.shl').i32(1).op('i32.sub', 'i32.and').set(starts));
    c.get(starts).op('i32.popcnt').tee(here).get(count).op('i32.le_s');
    c.if(() => {
      c.get(count).get(here).op('i32.sub').set(count);
      c.get(p).i32(16).op('i32.add').set(p).br(again);
    });
  });
  c.block((found) => {
    c.loop((again) => {
      c.get(count).op('i32.eqz').brIf(found);
      c.get(starts).get(starts).i32(1).op('i32.sub', 'i32.and').set(starts);
      c.get(count).i32(1).op('i32.sub').set(count).br(again);
    });
  });
  c.get(p).get(starts).op('i32.ctz', 'i32.add');
  return index;
}

export function addRetreat(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32'], ['i32']);
  const [start, p, count] = [0, 1, 2];
  c.block((done) => {
    c.loop((again) => {
      c.get(count).op('i32.eqz').brIf(done);
      c.get(p).get(start).op('i32.le_u').brIf(done);
      c.get(p).i32(1).op('i32.sub').set(p);
      startsPoint(c, p).if(() => c.get(count).i32(1).op('i32.sub').set(count));
      c.br(again);
    });
  });
  c.get(p);
  return index;
}
