/** Requests of any length: what is written is what was asked for, wherever a part of the buffer ends. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WireWriter } from './wire-writer.ts';

type Item =
  | { readonly kind: 'string' | 'shortString'; readonly value: string }
  | { readonly kind: 'uuid'; readonly value: string }
  | { readonly kind: 'int8' | 'int16' | 'int32' | 'uvarint'; readonly value: number }
  | { readonly kind: 'int64'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly value: Buffer };

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ kind: fc.constantFrom('string' as const, 'shortString' as const), value: text }),
  fc.record({ kind: fc.constant('uuid' as const), value: fc.uuid() }),
  fc.record({ kind: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ kind: fc.constant('int16' as const), value: fc.integer({ min: -32_768, max: 32_767 }) }),
  fc.record({ kind: fc.constant('int32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('uvarint' as const), value: fc.nat() }),
  fc.record({ kind: fc.constant('int64' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) }),
);

/** Written one by one, each into bytes of its own. */
function plainly(items: readonly Item[]): Buffer {
  return Buffer.concat(
    items.flatMap(({ kind, value }) => {
      const fixed = Buffer.alloc(8);
      switch (kind) {
        case 'string':
          return [varint(Buffer.byteLength(value) + 1), Buffer.from(value)];
        case 'shortString':
          fixed.writeInt16BE(Buffer.byteLength(value));
          return [fixed.subarray(0, 2), Buffer.from(value)];
        case 'uuid':
          return [Buffer.from(value.replaceAll('-', ''), 'hex')];
        case 'int8':
          return [fixed.subarray(0, fixed.writeInt8(value))];
        case 'int16':
          return [fixed.subarray(0, fixed.writeInt16BE(value))];
        case 'int32':
          return [fixed.subarray(0, fixed.writeInt32BE(value))];
        case 'uvarint':
          return [varint(value)];
        case 'int64':
          return [fixed.subarray(0, fixed.writeBigInt64BE(value))];
        case 'bytes':
          return [varint(value.length + 1), value];
      }
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

describe('a request', () => {
  test('has the bytes that were written to it, and their number, however small the buffer is that it begins with', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), fc.integer({ min: 1, max: 700 }), (items, initialBytes) => {
        const writer = new WireWriter(initialBytes);
        for (const one of items) (writer[one.kind] as (value: unknown) => unknown).call(writer, one.value);
        const { byteLength } = writer;
        const written = Buffer.concat(writer.parts());
        expect(written).toEqual(plainly(items));
        expect(byteLength).toBe(written.length);
      }),
      { seed: 20_261_124, numRuns: 1_000 },
    );
  });
});
