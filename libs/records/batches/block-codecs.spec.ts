/** The LZ4 and snappy kernels against independent implementations, both ways, and against hostile bytes. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compressors } from 'hyparquet-compressors';
import { sharedArena } from '../arena/arena.ts';
import type { CodecName } from '../batch-layout.ts';
import { decompress, decompressedBytesMax } from '../codecs/decompress.ts';
import { batchKernel } from './batch-kernel.ts';
import { strayBytes } from './copy-code.ts';
import type { Choose } from './plain-packers-fixture.ts';
import { packLz4Plainly, packSnappyPlainly, packXerialPlainly } from './plain-packers-fixture.ts';
import { corrupt, tooLarge, unpackRecords } from './unpack-records.ts';

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly plain: string;
    readonly encoded: Readonly<Record<string, string>>;
  }[];
}

const golden = JSON.parse(readFileSync('proto-schemas/golden/codecs/codecs.json', 'utf8')) as Golden;
const arena = sharedArena();
const kernel = batchKernel(arena);
const { intake, outlet } = arena;
const seed = 20_260_214;

/** Texts that repeat at many distances, short and long, and noise between. */
const data = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 24 }), fc.integer({ min: 1, max: 60 })).map(([pattern, times]) => {
        const bytes = new Uint8Array(pattern.length * times);
        for (let at = 0; at < bytes.length; at += pattern.length) bytes.set(pattern, at);
        return bytes;
      }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
const choices = fc.infiniteStream(fc.nat(1 << 20)).map((stream): Choose => {
  return (below) => Number(stream.next().value) % below;
});

/** What the kernel writes for `plain`, as bytes of their own. */
function pack(codec: 'lz4' | 'snappy', plain: Uint8Array): Uint8Array {
  arena.bytes.set(plain, outlet.encoded);
  const end = kernel[codec === 'lz4' ? 'packLz4' : 'packSnappy'](outlet.encoded, plain.length, outlet.packed);
  const packed = new Uint8Array(arena.bytes.subarray(outlet.packed, end));
  arena.bytes.fill(0, outlet.packed, end + 2048);
  arena.bytes.fill(0, outlet.encoded, outlet.encoded + plain.length);
  return packed;
}

/** The decoded bytes, or the fault. The input is left clean. */
function unpack(codec: CodecName, packed: Uint8Array, bytesMax = decompressedBytesMax(packed.length)): Uint8Array | number {
  const room = Math.min(bytesMax, intake.bytesMax);
  const length = unpackRecords(arena, codec, packed, intake.input, room);
  const bytes = length < 0 ? length : new Uint8Array(arena.bytes.subarray(intake.input, intake.input + length));
  arena.bytes.fill(0, intake.input, intake.input + room + strayBytes);
  return bytes;
}

/** Decodes a frame of independent blocks block by block with another LZ4 than ours. */
function unpackLz4Elsewhere(frame: Uint8Array, length: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const blocks: Uint8Array[] = [];
  let at = 7;
  let left = length;
  for (let header = view.getUint32(at, true); header !== 0; header = view.getUint32(at, true)) {
    const size = header & 0x7fff_ffff;
    const block = frame.subarray(at + 4, at + 4 + size);
    const plainBytes = Math.min(left, 65_536);
    blocks.push(
      header >>> 31 === 1 ? block : (compressors.LZ4_RAW as (input: Uint8Array, length: number) => Uint8Array)(block, plainBytes),
    );
    left -= plainBytes;
    at += 4 + size;
  }
  expect(at + 4).toBe(frame.length);
  return new Uint8Array(Buffer.concat(blocks));
}

const unpackSnappyElsewhere = compressors.SNAPPY as (input: Uint8Array, length: number) => Uint8Array;
const around = [0, 1, 4, 11, 12, 13, 14, 17, 100, 65_535, 65_536, 65_537, 65_548, 200_000];
const kinds: Record<string, (length: number) => Uint8Array> = {
  noise: (length) => new Uint8Array(randomBytes(length)),
  zeros: (length) => new Uint8Array(length),
  text: (length) =>
    new Uint8Array(
      Buffer.from(Array.from({ length }, (_, at) => `visit ${at % 997} of ward ${at % 13};`).join('')).subarray(0, length),
    ),
};

describe('what the kernels compress', () => {
  test('is decompressed to the same bytes by other implementations, at every size around a block', () => {
    for (const make of Object.values(kinds)) {
      for (const length of around) {
        const plain = make(length);
        const [lz4, snappy] = [pack('lz4', plain), pack('snappy', plain)];
        expect(Buffer.compare(unpackLz4Elsewhere(lz4, length), plain)).toBe(0);
        expect(Buffer.compare(decompress('lz4', lz4) ?? randomBytes(9), plain)).toBe(0);
        if (length > 0) expect(Buffer.compare(unpackSnappyElsewhere(snappy, length), plain)).toBe(0);
        expect(Buffer.compare(decompress('snappy', snappy) ?? randomBytes(9), plain)).toBe(0);
      }
    }
  });

  test('comes back from any data, and leaves no position in the table', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const [lz4, snappy] = [pack('lz4', plain), pack('snappy', plain)];
        expect(Buffer.compare(unpackLz4Elsewhere(lz4, plain.length), plain)).toBe(0);
        if (plain.length > 0) expect(Buffer.compare(unpackSnappyElsewhere(snappy, plain.length), plain)).toBe(0);
        expect(unpack('lz4', lz4)).toEqual(plain);
        expect(unpack('snappy', snappy)).toEqual(plain);
      }),
      { seed, numRuns: 300 },
    );
    expect(arena.bytes.subarray(32 * 1024, 49 * 1024).every((byte) => byte === 0)).toBe(true);
  });

  test('keeps the last five bytes of an LZ4 block as literals', () => {
    const frame = pack('lz4', new Uint8Array(100));
    // One literal, a match, five literals.
    expect([...frame.subarray(11, -4)]).toEqual([0x1f, 0, 1, 0, 94 - 19, 0x50, 0, 0, 0, 0, 0]);
  });

  test('starts no match in the last twelve bytes of an LZ4 block', () => {
    const distinct = Array.from({ length: 50 }, (_, index) => index);
    const isStored = (repeated: number): boolean => {
      const frame = pack('lz4', Uint8Array.from([...distinct, ...distinct.slice(0, repeated)]));
      return ((frame[10] as number) & 0x80) !== 0;
    };
    expect([11, 12].map(isStored)).toEqual([true, false]);
  });

  test('has the checksum of its frame header', () => {
    expect(pack('lz4', new Uint8Array(3))[6]).toBe((xxh32([0x60, 0x40]) >>> 8) & 0xff);
  });

  test('is smaller where the data repeats, and hardly larger where it does not', () => {
    const text = (kinds['text'] as (length: number) => Uint8Array)(200_000);
    const noise = randomBytes(200_000);
    for (const codec of ['lz4', 'snappy'] as const) {
      expect(pack(codec, text).length).toBeLessThan(70_000);
      expect(pack(codec, noise).length).toBeLessThan(200_100);
    }
  });
});

describe('what the kernels decompress', () => {
  for (const { name, plain, encoded } of golden.cases) {
    for (const [form, bytes] of Object.entries(encoded)) {
      test(`of ${form} gives "${name}"`, () => {
        const decoded = unpack(form.split('-')[0] as CodecName, Buffer.from(bytes, 'base64'));
        expect(Buffer.from(decoded as Uint8Array).toString('base64')).toBe(plain);
      });
    }
  }

  test('is what a plain encoder was given, whatever forms of literals and matches it chose', () => {
    fc.assert(
      fc.property(data, choices, fc.integer({ min: 1, max: 900 }), (plain, choose, blockBytes) => {
        for (const [codec, packed] of [
          ['lz4', packLz4Plainly(plain, choose)],
          ['snappy', packSnappyPlainly(plain, choose)],
          ['snappy', packXerialPlainly(plain, choose, blockBytes)],
        ] as const) {
          expect(Buffer.compare(decompress(codec, packed) ?? randomBytes(9), plain)).toBe(0);
          expect(unpack(codec, packed)).toEqual(plain);
        }
      }),
      { seed, numRuns: 400 },
    );
  });

  test('is refused exactly where the reference refuses it, and otherwise the same, whatever bytes are damaged', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0x0f, 0xf0, 0xfc))), {
      minLength: 1,
      maxLength: 5,
    });
    const cut = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(20));
    let [refused, taken] = [0, 0];
    fc.assert(
      fc.property(data, choices, damage, cut, (plain, choose, places, cutBytes) => {
        for (const [codec, whole] of [
          ['lz4', packLz4Plainly(plain, choose)],
          ['snappy', packSnappyPlainly(plain, choose)],
          ['snappy', packXerialPlainly(plain, choose, 200)],
        ] as const) {
          const packed = new Uint8Array(whole.subarray(0, Math.max(0, whole.length - cutBytes)));
          for (const [at, byte] of places) if (packed.length > 0) packed[at % packed.length] = byte;
          const expected = decompress(codec, packed);
          const decoded = unpack(codec, packed);
          if (expected === null) refused += 1;
          else taken += 1;
          expect(typeof decoded === 'number' ? null : decoded).toEqual(expected === null ? null : new Uint8Array(expected));
        }
      }),
      { seed, numRuns: 1_500 },
    );
    expect(refused).toBeGreaterThan(500);
    expect(taken).toBeGreaterThan(500);
  });

  test('is never written behind the room that was given, and nothing else of the arena is touched', () => {
    const space = 4_096;
    const [before, behind] = [intake.input - space, intake.input + space];
    fc.assert(
      fc.property(
        data,
        choices,
        fc.nat(300),
        fc.constantFrom('lz4' as const, 'snappy' as const),
        (plain, choose, bytesMax, codec) => {
          const packed = codec === 'lz4' ? packLz4Plainly(plain, choose) : packSnappyPlainly(plain, choose);
          const kept = Buffer.from(arena.bytes.subarray(before, intake.input));
          arena.bytes.fill(0xa5, intake.input, behind);
          const length = unpackRecords(arena, codec, packed, intake.input, bytesMax);
          expect(length).toBe(plain.length <= bytesMax ? plain.length : tooLarge);
          if (codec === 'snappy') expect(unpackedWithLength(packed, bytesMax)).toBe(plain.length === bytesMax);
          expect(writtenFrom(bytesMax + strayBytes)).toBe(-1);
          expect(Buffer.compare(kept, arena.bytes.subarray(before, intake.input))).toBe(0);
          expect(arena.bytes.subarray(intake.packed, intake.packed + packed.length).every((byte) => byte === 0)).toBe(true);
        },
      ),
      { seed, numRuns: 300 },
    );
    // The checker sees a byte that is written there.
    arena.bytes[intake.input + 400] = 0;
    expect(writtenFrom(300 + strayBytes)).toBe(400);
    arena.bytes.fill(0, intake.input, behind);

    /** The block with another length than its own, as a lie has it. */
    function unpackedWithLength(packed: Uint8Array, length: number): boolean {
      const preamble = packed.findIndex((byte) => byte < 0x80) + 1;
      arena.bytes.set(packed, intake.packed);
      const { packed: source, input } = intake;
      const fits = kernel.unpackSnappy(source + preamble, source + packed.length, input, input + length) === 1;
      arena.bytes.fill(0, source, source + packed.length);
      return fits;
    }

    function writtenFrom(from: number): number {
      for (let at = from; at < space; at += 1) if (arena.bytes[intake.input + at] !== 0xa5) return at;
      return -1;
    }
  });

  test('of a bomb is not expanded: it ends at the cap, or where its own length is a lie', () => {
    const zeros = pack('lz4', new Uint8Array(4_000_000));
    expect(unpack('lz4', zeros, 100_000)).toBe(tooLarge);
    expect(unpack('snappy', pack('snappy', new Uint8Array(4_000_000)), 100_000)).toBe(tooLarge);
    expect(unpack('snappy', Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x61]))).toBe(corrupt);
    // A literal of 2^32 bytes, one of 2^32 - 1, and a match from 2^32 - 1 bytes back.
    expect(unpack('snappy', Uint8Array.from([1, 0xfc, 0xff, 0xff, 0xff, 0xff, 0, 0x61]))).toBe(corrupt);
    expect(unpack('snappy', Uint8Array.from([1, 0xfc, 0xfe, 0xff, 0xff, 0xff, 0, 0x61]))).toBe(corrupt);
    expect(unpack('snappy', Uint8Array.from([5, 0, 1, 0x0f, 0xff, 0xff, 0xff, 0xff]))).toBe(corrupt);
  });
});

/** XXH32 of fewer than four bytes, seed 0. Source: xxHash fast digest algorithm, XXH32. */
function xxh32(bytes: readonly number[]): number {
  let hash = 374_761_393 + bytes.length;
  for (const byte of bytes) {
    hash = (hash + Math.imul(byte, 374_761_393)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), 2_654_435_761);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_519);
  hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_917);
  return (hash ^ (hash >>> 16)) >>> 0;
}
