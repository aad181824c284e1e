/** Emits the framing of records: what frame-records does, over bytes and arrays in the arena. */
import type { ModuleWriter } from '../../wasm/index.ts';
import { rangeStride } from '../arena/arena-layout.ts';
import { emitReadVarint, emitReadVarlong } from './varint-code.ts';

/** Order of the arrays, as `Intake` has it. */
const arrays = {
  offsetDelta: 0,
  keyStart: 1,
  keyEnd: 2,
  valueStart: 3,
  valueEnd: 4,
  headersStart: 5,
  headersEnd: 6,
} as const;

/**
 * `frame(input, length, count, lastDelta, ranges, timestamps, base, deltaMask, origin, firstDelta)`: frames `count` records that must fill the
 * `length` bytes exactly, and answers whether they do. A timestamp is `base` plus its delta under the mask; ranges count from the address
 * `origin`, and offset deltas from `firstDelta`. Up to 40 bytes behind the input are read.
 */
export function addFrame(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i64', 'i64', 'i32', 'i32'], ['i32'], 'frame');
  const [input, length, count, lastDelta, ranges, timestamps, base, deltaMask] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const [origin, firstDelta] = [8, 9] as const;
  const [position, limit, end] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const [value, previous, delta] = [c.local('i32'), c.local('i32'), c.local('i64')];
  const put = (name: keyof typeof arrays, local: number, less?: number): void => {
    c.get(ranges).get(local);
    if (less !== undefined) c.get(less).op('i32.sub');
    c.store('i32.store', arrays[name] * rangeStride);
  };
  c.get(input).tee(position).get(length).op('i32.add').set(limit);
  c.i32(-1).set(previous);
  c.block((malformed) => {
    c.block((done) => {
      c.loop((next) => {
        c.get(count).op('i32.eqz').brIf(done);
        emitReadVarint(c, position, value, malformed);
        c.get(value).i32(6).op('i32.lt_s').brIf(malformed);
        c.get(position).get(value).op('i32.add').tee(end).get(limit).op('i32.gt_u').brIf(malformed);
        // The attributes of a record are unused.
        c.get(position).i32(1).op('i32.add').set(position);
        emitReadVarlong(c, position, delta, malformed);
        c.get(timestamps).get(base).get(delta).get(deltaMask).op('i64.and', 'i64.add', 'f64.convert_i64_s').store('f64.store');
        emitReadVarint(c, position, value, malformed);
        c.get(value).get(previous).op('i32.le_s').brIf(malformed);
        c.get(value).get(lastDelta).op('i32.gt_s').brIf(malformed);
        c.get(value).set(previous);
        c.get(ranges)
          .get(value)
          .get(firstDelta)
          .op('i32.add')
          .store('i32.store', arrays.offsetDelta * rangeStride);
        for (const [start, behind] of [
          ['keyStart', 'keyEnd'],
          ['valueStart', 'valueEnd'],
        ] as const) {
          emitReadVarint(c, position, value, malformed);
          c.get(value).i32(0).op('i32.ge_s');
          c.if(
            () => {
              put(start, position, origin);
              c.get(position).get(value).op('i32.add').set(position);
              put(behind, position, origin);
            },
            () => {
              c.get(value).i32(-1).op('i32.ne').brIf(malformed);
              put(start, value);
              put(behind, value);
            },
          );
          // A length up to 2^31 does not wrap: addresses are far below. What was read behind the record ends here too.
          c.get(position).get(end).op('i32.gt_u').brIf(malformed);
        }
        put('headersStart', position, origin);
        put('headersEnd', end, origin);
        c.get(end).set(position);
        c.get(ranges).i32(4).op('i32.add').set(ranges);
        c.get(timestamps).i32(8).op('i32.add').set(timestamps);
        c.get(count).i32(1).op('i32.sub').set(count).br(next);
      });
    });
    c.get(position).get(limit).op('i32.eq', 'return');
  });
  c.i32(0);
}
