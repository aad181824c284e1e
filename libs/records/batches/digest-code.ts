/** Emits the laying out of governed records as a Receipt's digest reads them: key and value, each behind its length. */
import type { ModuleWriter } from '../../wasm/index.ts';
import { rangeStride } from '../arena/arena-layout.ts';
import { emitCopy } from './copy-code.ts';

/** Order of the arrays, as `Outlet` has it. */
const arrays = { value: [0, 1], key: [2, 3] } as const;

/**
 * `layOut(ranges, from, to, output, outputBytes, target, targetEnd)`: writes key and value of the records [from, to) that have a value, each
 * behind its length in 4 bytes big endian, -1 for a null key. Answers the address behind the last one, or -1 when a range is not in the
 * output or the target has no room. The target is in the memory `into`.
 */
export function addLayOut(module: ModuleWriter, into = 0): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32'], 'layOut');
  const [ranges, index, to, output, outputBytes, at, targetEnd] = [0, 1, 2, 3, 4, 5, 6] as const;
  const [place, start, bytes, source, end] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const length = (): void => {
    for (let byte = 0; byte < 4; byte += 1)
      c.get(at)
        .get(bytes)
        .i32(24 - 8 * byte)
        .op('i32.shr_u')
        .store('i32.store8', byte, into);
    c.get(at).i32(4).op('i32.add').set(at);
  };
  c.get(ranges).get(index).i32(2).op('i32.shl', 'i32.add').set(place);
  c.block((fault) => {
    c.block((done) => {
      c.loop((next) => {
        c.get(index).get(to).op('i32.ge_u').brIf(done);
        c.block((skip) => {
          c.get(place)
            .load('i32.load', arrays.value[0] * rangeStride)
            .i32(0)
            .op('i32.lt_s')
            .brIf(skip);
          for (const [first, behind] of [arrays.key, arrays.value]) {
            c.get(place)
              .load('i32.load', first * rangeStride)
              .tee(start)
              .i32(0)
              .op('i32.lt_s');
            c.if(
              () => {
                c.i32(-1).set(bytes);
                c.get(at).i32(4).op('i32.add').get(targetEnd).op('i32.gt_u').brIf(fault);
                length();
              },
              () => {
                c.get(place)
                  .load('i32.load', behind * rangeStride)
                  .tee(end)
                  .get(outputBytes)
                  .op('i32.gt_u')
                  .brIf(fault);
                c.get(start).get(end).op('i32.gt_u').brIf(fault);
                c.get(end).get(start).op('i32.sub').tee(bytes).get(at).op('i32.add').i32(4).op('i32.add');
                c.get(targetEnd).op('i32.gt_u').brIf(fault);
                length();
                c.get(output).get(start).op('i32.add').tee(source).get(bytes).op('i32.add').set(end);
                emitCopy(c, source, end, at, into);
              },
            );
          }
        });
        c.get(place).i32(4).op('i32.add').set(place);
        c.get(index).i32(1).op('i32.add').set(index).br(next);
      });
    });
    c.get(at).op('return');
  });
  c.i32(-1);
}
