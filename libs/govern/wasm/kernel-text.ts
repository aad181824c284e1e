/** The kernel's functions over UTF-8 text: checking it, counting code points, and finding where they start. */
import type { Code } from './code.ts';
import type { ModuleWriter } from './module-writer.ts';

/** Lead and continuation bytes of five three-byte sequences: which bits matter, and what they are. */
const threeByteMask = [0xf0, 0xc0, 0xc0, 0xf0, 0xc0, 0xc0, 0xf0, 0xc0, 0xc0, 0xf0, 0xc0, 0xc0, 0xf0, 0xc0, 0xc0, 0x00];
const threeByteWant = [0xe0, 0x80, 0x80, 0xe0, 0x80, 0x80, 0xe0, 0x80, 0x80, 0xe0, 0x80, 0x80, 0xe0, 0x80, 0x80, 0x00];
const splat = (byte: number): number[] => Array.from({ length: 16 }, () => byte);

/**
 * ASCII 16 bytes at a time, then three-byte sequences, which Chinese text is made of, five at a time, and the rest one by one.
 * The arena has room behind every input, so a load never leaves it. Source: RFC 3629, section 4.
 */
export function addIsUtf8(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const [left, word, byte, high] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const chunk = c.local('v128');
  const refuse = (): void => void c.i32(0).op('return');
  const continuation = (shift: number): void => {
    c.get(word).i32(shift).op('i32.shr_u').i32(0xc0).op('i32.and').i32(0x80).op('i32.ne').if(refuse);
  };
  const enough = (bytes: number): void => void c.get(left).i32(bytes).op('i32.lt_u').if(refuse);
  c.loop((again) => {
    c.get(end)
      .get(p)
      .op('i32.sub')
      .tee(left)
      .op('i32.eqz')
      .if(() => c.i32(1).op('return'));
    c.get(p).load('v128.load').tee(chunk).vec('i8x16.bitmask').set(high);
    c.get(left).i32(16).op('i32.lt_u');
    c.if(
      () => {
        c.get(high)
          .i32(1)
          .get(left)
          .op('i32.shl')
          .i32(1)
          .op('i32.sub', 'i32.and')
          .tee(high)
          .op('i32.eqz')
          .if(() => c.i32(1).op('return'));
      },
      () => {
        c.get(high).op('i32.eqz');
        c.if(() => c.get(p).i32(16).op('i32.add').set(p).br(again));
      },
    );
    c.get(high).op('i32.ctz').tee(high);
    c.if(() => c.get(p).get(high).op('i32.add').tee(p).load('v128.load').set(chunk));
    // From here on `p` is at a byte that is not ASCII.
    c.loop((more) => {
      c.get(end).get(p).op('i32.sub').tee(left).i32(15).op('i32.ge_u');
      c.if(() => {
        c.get(chunk).v128(threeByteMask).vec('v128.and').v128(threeByteWant).vec('v128.xor', 'v128.any_true');
        // 0xe0 may be over-long and 0xed a surrogate: those go one by one.
        c.get(chunk).v128(splat(0xe0)).vec('i8x16.eq').get(chunk).v128(splat(0xed)).vec('i8x16.eq', 'v128.or', 'v128.any_true');
        c.op('i32.or', 'i32.eqz');
        c.if(() => {
          c.get(p).i32(15).op('i32.add').tee(p).load('v128.load').set(chunk);
          c.get(p).get(end).op('i32.lt_u').get(p).load('i32.load8_u').i32(0x80).op('i32.ge_u', 'i32.and').brIf(more);
          c.br(again);
        });
      });
      c.get(p).load('i32.load').tee(word).i32(0xff).op('i32.and').set(byte);
      // Three bytes: 1110xxxx 10xxxxxx 10xxxxxx, neither over-long nor a surrogate.
      c.get(word).i32(0x00c0c0f0).op('i32.and').i32(0x008080e0).op('i32.eq');
      c.if(
        () => {
          enough(3);
          c.get(word).i32(0x200f).op('i32.and', 'i32.eqz').if(refuse);
          c.get(word).i32(0x200f).op('i32.and').i32(0x200d).op('i32.eq').if(refuse);
          c.get(p).i32(3).op('i32.add').set(p);
        },
        () => {
          c.get(byte).i32(0xc2).op('i32.lt_u').get(byte).i32(0xf4).op('i32.gt_u', 'i32.or').if(refuse);
          c.get(byte).i32(0xe0).op('i32.lt_u');
          c.if(
            () => {
              enough(2);
              continuation(8);
              c.get(p).i32(2).op('i32.add').set(p);
            },
            () => {
              // A lead of three bytes has failed above.
              c.get(byte).i32(0xf0).op('i32.lt_u').if(refuse);
              enough(4);
              c.get(word).i32(0x30ff).op('i32.and').i32(0xf0).op('i32.eq').if(refuse);
              c.get(byte).i32(0xf4).op('i32.eq').get(word).i32(0x3000).op('i32.and').i32(0).op('i32.ne', 'i32.and').if(refuse);
              for (const shift of [8, 16, 24]) continuation(shift);
              c.get(p).i32(4).op('i32.add').set(p);
            },
          );
        },
      );
      c.get(p).load('v128.load').set(chunk);
      c.get(p).get(end).op('i32.lt_u').get(p).load('i32.load8_u').i32(0x80).op('i32.ge_u', 'i32.and').brIf(more);
      c.br(again);
    });
  });
  c.op('unreachable');
  return index;
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
      c.get(p).load('v128.load').v128(splat(0xbf)).vec('i8x16.gt_s', 'i8x16.bitmask').set(starts);
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
    c.get(p).load('v128.load').v128(splat(0xbf)).vec('i8x16.gt_s', 'i8x16.bitmask').set(starts);
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
