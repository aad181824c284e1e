/** Emits the writing of governed records into a batch: varints, ranges of the output, the headers that each record gets. */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { batchSpace, rangeStride } from '../arena/arena-layout.ts';
import { batchLayout } from '../batch-layout.ts';
import { emitCopy } from './copy-code.ts';
import { emitVarintBytes, emitVarlongBytes, emitWriteVarint, emitWriteVarlong } from './varint-code.ts';

/** Order of the arrays, as `Outlet` has it. */
const arrays = { valueStart: 0, valueEnd: 1, keyStart: 2, keyEnd: 3 } as const;

/** What `encode` answers instead of an address. */
export const encodeFaults = { range: -1, full: -2 } as const;

/**
 * `encode(ranges, from, to, output, outputBytes, timestamps, now, headers, headersBytes, batch, softEnd, hardEnd)`: writes the records [from, to)
 * that have a value behind the header of `batch`, as long as they end at `softEnd` or before; a first record may go on to `hardEnd`. Answers
 * the address behind the last one, or a fault; at `batchSpace.answers` stand the first record that was not taken and how many were written.
 * Base and largest timestamp are written to the header. Without `timestamps` (0) each record has `now`.
 */
export function addEncode(module: ModuleWriter): void {
  const { code: c } = module.function(
    ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i64', 'i32', 'i32', 'i32', 'i32', 'i32'],
    ['i32'],
    'encode',
  );
  const [ranges, index, to, output, outputBytes, timestamps, now] = [0, 1, 2, 3, 4, 5, 6] as const;
  const [headers, headersBytes, batch, softEnd, hardEnd] = [7, 8, 9, 10, 11] as const;
  const [place, at, count] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const [valueStart, valueBytes, keyStart, keyBytes] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const [body, number, source, end] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const [timestamp, base, latest, delta] = [c.local('i64'), c.local('i64'), c.local('i64'), c.local('i64')];
  const fault = (value: number): void => {
    c.if(() => c.i32(value).op('return'));
  };
  /** `start` and `bytes` of a range that is there, both checked: it ends in the output. */
  const measured = (name: 'value' | 'key', start: number, bytes: number): void => {
    c.get(place)
      .load('i32.load', arrays[`${name}End`] * rangeStride)
      .tee(end)
      .get(outputBytes)
      .op('i32.gt_u');
    fault(encodeFaults.range);
    c.get(start).get(end).op('i32.gt_u');
    fault(encodeFaults.range);
    c.get(end).get(start).op('i32.sub').set(bytes);
  };
  const bytesOf = (local: number): void => {
    c.get(local).i32(1).op('i32.shl').set(number);
    emitVarintBytes(c, number);
  };
  const copied = (from: number, start: number, bytes: number): void => {
    c.get(from).get(start).op('i32.add').tee(source).get(bytes).op('i32.add').set(end);
    emitCopy(c, source, end, at);
  };
  c.get(ranges).get(index).i32(2).op('i32.shl', 'i32.add').set(place);
  c.get(batch).i32(batchLayout.records).op('i32.add').set(at);
  c.block((full) => {
    c.loop((next) => {
      c.get(index).get(to).op('i32.ge_u').brIf(full);
      c.block((skip) => {
        c.get(place)
          .load('i32.load', arrays.valueStart * rangeStride)
          .tee(valueStart)
          .i32(0)
          .op('i32.lt_s')
          .brIf(skip);
        measured('value', valueStart, valueBytes);
        c.get(place)
          .load('i32.load', arrays.keyStart * rangeStride)
          .tee(keyStart)
          .i32(0)
          .op('i32.ge_s');
        c.if(
          () => measured('key', keyStart, keyBytes),
          () => c.i32(0).set(keyBytes),
        );
        c.get(timestamps);
        c.if(
          () => c.get(timestamps).get(index).i32(3).op('i32.shl', 'i32.add').load('f64.load').truncSat64().set(timestamp),
          () => c.get(now).set(timestamp),
        );
        c.get(count).op('i32.eqz');
        c.if(() => c.get(timestamp).tee(base).set(latest));
        c.get(timestamp).get(base).op('i64.sub').tee(delta).i64(1n).op('i64.shl').get(delta).i64(63n);
        c.op('i64.shr_s', 'i64.xor').set(delta);
        // Attributes, timestamp, offset, key, value; a null key has a length of one byte, as an empty one.
        emitVarlongBytes(c, delta);
        c.i32(1).op('i32.add');
        for (const length of [count, keyBytes, valueBytes]) {
          bytesOf(length);
          c.op('i32.add');
        }
        c.get(keyBytes).op('i32.add').get(valueBytes).op('i32.add').get(headersBytes).op('i32.add').set(body);
        bytesOf(body);
        c.get(body).op('i32.add').get(at).op('i32.add').tee(end).get(softEnd).op('i32.gt_u');
        c.if(() => {
          c.get(count).brIf(full);
          c.get(end).get(hardEnd).op('i32.gt_u');
          fault(encodeFaults.full);
        });
        c.get(timestamp).get(latest).get(timestamp).get(latest).op('i64.gt_s', 'select').set(latest);
        c.get(body).i32(1).op('i32.shl').set(number);
        emitWriteVarint(c, at, number);
        c.get(at).i32(0).store('i32.store8');
        c.get(at).i32(1).op('i32.add').set(at);
        emitWriteVarlong(c, at, delta);
        c.get(count).i32(1).op('i32.shl').set(number);
        emitWriteVarint(c, at, number);
        c.get(keyStart).i32(0).op('i32.ge_s');
        c.if(
          () => {
            c.get(keyBytes).i32(1).op('i32.shl').set(number);
            emitWriteVarint(c, at, number);
            copied(output, keyStart, keyBytes);
          },
          () => {
            c.get(at).i32(1).store('i32.store8');
            c.get(at).i32(1).op('i32.add').set(at);
          },
        );
        c.get(valueBytes).i32(1).op('i32.shl').set(number);
        emitWriteVarint(c, at, number);
        copied(output, valueStart, valueBytes);
        c.get(headers).tee(source).get(headersBytes).op('i32.add').set(end);
        emitCopy(c, source, end, at);
        c.get(count).i32(1).op('i32.add').set(count);
      });
      c.get(place).i32(4).op('i32.add').set(place);
      c.get(index).i32(1).op('i32.add').set(index).br(next);
    });
  });
  c.i32(0).get(index).store('i32.store', batchSpace.answers);
  c.i32(0)
    .get(count)
    .store('i32.store', batchSpace.answers + 4);
  emitBigEndian64(c, batch, batchLayout.baseTimestamp, base);
  emitBigEndian64(c, batch, batchLayout.maxTimestamp, latest);
  c.get(at);
}

function emitBigEndian64(c: Code, address: number, offset: number, value: number): void {
  for (let byte = 0; byte < 8; byte += 1) {
    c.get(address)
      .get(value)
      .i64(BigInt(56 - 8 * byte))
      .op('i64.shr_u', 'i32.wrap_i64')
      .store('i32.store8', offset + byte);
  }
}
