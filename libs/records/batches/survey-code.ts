/** Emits what looks at a whole run at once: how many records came out so, the newest of their times, and how many begin alike. */
import type { ModuleWriter } from '../../wasm/index.ts';
import { rangeStride } from '../arena/arena-layout.ts';

const vectorBytes = 16;
/** Order of the arrays, as `Intake` has it. */
const arrays = { keyStart: 1, valueStart: 3, valueEnd: 4, headersEnd: 6 } as const;

/** `countBytes(start, length, byte)`: how many of the bytes equal this one. Up to 15 bytes behind them are read. */
export function addCountBytes(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32'], ['i32'], 'countBytes');
  const [at, left, byte] = [0, 1, 2] as const;
  const [wanted, found, count] = c.locals('v128', 'i32', 'i32');
  c.get(byte).vec('i8x16.splat').set(wanted);
  c.block((done) => {
    c.loop((next) => {
      c.get(left).i32(0).op('i32.le_s').brIf(done);
      c.get(at).load('v128.load').get(wanted).vec('i8x16.eq', 'i8x16.bitmask').set(found);
      // Of the last vector only what is asked for.
      c.get(left).i32(vectorBytes).op('i32.lt_s');
      c.if(() => c.get(found).i32(1).get(left).op('i32.shl').i32(1).op('i32.sub', 'i32.and').set(found));
      c.get(count).get(found).op('i32.popcnt', 'i32.add').set(count);
      c.get(at).i32(vectorBytes).op('i32.add').set(at);
      c.get(left).i32(vectorBytes).op('i32.sub').set(left).br(next);
    });
  });
  c.get(count);
}

/** `newest(start, count)`: the greatest of so many f64, and 0 where none is greater. */
export function addNewest(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32'], ['f64'], 'newest');
  const [at, left] = [0, 1] as const;
  const newest = c.local('f64');
  c.block((done) => {
    c.loop((next) => {
      c.get(left).op('i32.eqz').brIf(done);
      c.get(newest).get(at).load('f64.load').op('f64.max').set(newest);
      c.get(at).i32(8).op('i32.add').set(at);
      c.get(left).i32(1).op('i32.sub').set(left).br(next);
    });
  });
  c.get(newest);
}

/**
 * `alike(ranges, count, base, bytesMax)`: how many of the first records have a value of at least five bytes that begins as the first record's
 * does in these five, and take, from their first byte to the last of their headers, at most `bytesMax`. Ranges count from `base`.
 */
export function addAlike(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'alike');
  const [place, count, base, bytesMax] = [0, 1, 2, 3] as const;
  const [left, start, first, word, byte] = c.locals('i32', 'i32', 'i32', 'i32', 'i32');
  c.get(count).set(left);
  c.block((done) => {
    c.loop((next) => {
      c.get(left).op('i32.eqz').brIf(done);
      c.get(place)
        .load('i32.load', arrays.valueStart * rangeStride)
        .tee(start)
        .i32(0)
        .op('i32.lt_s')
        .brIf(done);
      c.get(place)
        .load('i32.load', arrays.valueEnd * rangeStride)
        .get(start)
        .op('i32.sub')
        .i32(5)
        .op('i32.lt_s')
        .brIf(done);
      // The first byte of a record is that of its key, if it has one.
      c.get(place)
        .load('i32.load', arrays.keyStart * rangeStride)
        .tee(first)
        .i32(0)
        .op('i32.lt_s');
      c.if(() => c.get(start).set(first));
      c.get(place)
        .load('i32.load', arrays.headersEnd * rangeStride)
        .get(first)
        .op('i32.sub')
        .get(bytesMax)
        .op('i32.gt_s')
        .brIf(done);
      c.get(base).get(start).op('i32.add').set(start);
      c.get(left).get(count).op('i32.eq');
      c.if(() => {
        c.get(start).load('i32.load').set(word);
        c.get(start).load('i32.load8_u', 4).set(byte);
      });
      c.get(start).load('i32.load').get(word).op('i32.ne').brIf(done);
      c.get(start).load('i32.load8_u', 4).get(byte).op('i32.ne').brIf(done);
      c.get(place).i32(4).op('i32.add').set(place);
      c.get(left).i32(1).op('i32.sub').set(left).br(next);
    });
  });
  c.get(count).get(left).op('i32.sub');
}
