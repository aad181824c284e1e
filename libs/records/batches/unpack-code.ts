/**
 * Emits the decoding of one LZ4 block and of one snappy block: what codecs/lz4.ts and codecs/snappy.ts do, into the arena. Every length and
 * distance is checked before it is used; copies touch `strayBytes` behind what was checked.
 * Source: LZ4 Block Format, snappy format_description.txt.
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { batchSpace } from '../arena/arena-layout.ts';
import { emitCopy, emitMatch } from './copy-code.ts';

/** What `unpackLz4` answers instead of an address. */
export const unpackFaults = { malformed: -1, full: -2 } as const;

/**
 * `unpackLz4(source, sourceEnd, target, windowStart, targetEnd)`: the address behind what was decoded, or a fault. Matches reach back to
 * `windowStart`.
 */
export function addUnpackLz4(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32'], ['i32'], 'unpackLz4');
  const [source, sourceEnd, target, windowStart, targetEnd] = [0, 1, 2, 3, 4] as const;
  const [token, length, distance, end] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const fault = (value: number): void => {
    c.if(() => c.i32(value).op('return'));
  };
  const room = (): void => {
    c.get(targetEnd).get(target).op('i32.sub').get(length).op('i32.lt_u');
    fault(unpackFaults.full);
  };
  c.loop((next) => {
    c.get(source).get(sourceEnd).op('i32.ge_u');
    fault(unpackFaults.malformed);
    c.get(source).load('i32.load8_u').tee(token).i32(4).op('i32.shr_u').set(length);
    c.get(source).i32(1).op('i32.add').set(source);
    c.get(length).i32(15).op('i32.eq');
    c.if(() => emitLength(c, source, sourceEnd, length));
    c.get(sourceEnd).get(source).op('i32.sub').get(length).op('i32.lt_u');
    fault(unpackFaults.malformed);
    room();
    c.get(source).get(length).op('i32.add').set(end);
    emitCopy(c, source, end, target);
    c.get(end).tee(source).get(sourceEnd).op('i32.eq');
    c.if(() => c.get(target).op('return'));
    c.get(sourceEnd).get(source).op('i32.sub').i32(2).op('i32.lt_u');
    fault(unpackFaults.malformed);
    c.get(source).load('i32.load16_u').set(distance);
    c.get(source).i32(2).op('i32.add').set(source);
    c.get(token).i32(15).op('i32.and').tee(length).i32(15).op('i32.eq');
    c.if(() => emitLength(c, source, sourceEnd, length));
    c.get(length).i32(4).op('i32.add').set(length);
    c.get(distance).i32(1).op('i32.sub').get(target).get(windowStart).op('i32.sub', 'i32.ge_u');
    fault(unpackFaults.malformed);
    room();
    emitMatch(c, distance, length, target);
    c.br(next);
  });
  c.op('unreachable');
}

/** Adds the bytes of a long length. Their sum stays below 2^31, since a source has at most a few MiB. */
function emitLength(c: Code, source: number, sourceEnd: number, length: number): void {
  const byte = c.local('i32');
  c.loop((next) => {
    c.get(source).get(sourceEnd).op('i32.ge_u');
    c.if(() => c.i32(unpackFaults.malformed).op('return'));
    c.get(source).load('i32.load8_u').set(byte);
    c.get(source).i32(1).op('i32.add').set(source);
    c.get(length).get(byte).op('i32.add').set(length);
    c.get(byte).i32(255).op('i32.eq').brIf(next);
  });
  c.release('i32', byte);
}

/** `unpackSnappy(source, sourceEnd, target, targetEnd)`: whether the block, its preamble left out, fills the target exactly. */
export function addUnpackSnappy(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'unpackSnappy');
  const [source, sourceEnd, target, targetEnd] = [0, 1, 2, 3] as const;
  const [start, tag, entry, extra] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const [trailer, length, end] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const refuse = (): void => {
    c.if(() => c.i32(0).op('return'));
  };
  const room = (): void => {
    c.get(targetEnd).get(target).op('i32.sub').get(length).op('i32.lt_u');
    refuse();
  };
  c.get(target).set(start);
  c.block((done) => {
    c.loop((next) => {
      c.get(source).get(sourceEnd).op('i32.eq').brIf(done);
      c.get(source).load('i32.load8_u').tee(tag).i32(1).op('i32.shl').load('i32.load16_u', batchSpace.tags).set(entry);
      c.get(source).i32(1).op('i32.add').set(source);
      c.get(entry).i32(tagBits.extraShift).op('i32.shr_u').set(extra);
      c.get(sourceEnd).get(source).op('i32.sub').get(extra).op('i32.lt_u');
      refuse();
      c.get(source).load('i32.load').i64(1n).get(extra).i32(3).op('i32.shl', 'i64.extend_i32_u', 'i64.shl').i64(1n);
      c.op('i64.sub', 'i32.wrap_i64', 'i32.and').set(trailer);
      c.get(source).get(extra).op('i32.add').set(source);
      c.get(entry).i32(tagBits.length).op('i32.and').set(length);
      c.get(tag).i32(3).op('i32.and');
      c.if(
        () => {
          // From here on the trailer is the distance.
          c.get(entry).i32(tagBits.distance).op('i32.and').get(trailer).op('i32.add').tee(trailer);
          c.i32(1).op('i32.sub').get(target).get(start).op('i32.sub', 'i32.ge_u');
          refuse();
          room();
          emitMatch(c, trailer, length, target);
        },
        () => {
          // The trailer alone first: with the length it may wrap.
          c.get(sourceEnd).get(source).op('i32.sub').get(trailer).op('i32.lt_u');
          refuse();
          c.get(sourceEnd).get(source).op('i32.sub').get(length).get(trailer).op('i32.add').tee(length).op('i32.lt_u');
          refuse();
          room();
          c.get(source).get(length).op('i32.add').set(end);
          emitCopy(c, source, end, target);
          c.get(end).set(source);
        },
      );
      c.br(next);
    });
  });
  c.get(target).get(targetEnd).op('i32.eq');
}

/** An entry of the tag table: the length or its start, upper bits of the distance, and how many bytes follow the tag. */
const tagBits = { length: 0x7f, distance: 0x700, extraShift: 11 } as const;

/** The tag table of snappy: 256 entries of 16 bits, little endian. */
export function snappyTags(): Uint8Array {
  const table = Buffer.alloc(512);
  for (let tag = 0; tag < 256; tag += 1) {
    const upper = tag >> 2;
    const [length, distance, extra] = [
      upper < 60 ? [upper + 1, 0, 0] : [1, 0, upper - 59],
      [(upper & 7) + 4, (tag >> 5) << 8, 1],
      [upper + 1, 0, 2],
      [upper + 1, 0, 4],
    ][tag & 3] as [number, number, number];
    table.writeUInt16LE(length | distance | (extra << tagBits.extraShift), tag * 2);
  }
  return table;
}
