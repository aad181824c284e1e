/** Codecs against bytes that independent implementations wrote (proto-schemas/golden/codecs), and against hostile bytes. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CodecName } from './batch-layout.ts';
import { decompress } from './codecs/decompress.ts';

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly plain: string;
    readonly encoded: Readonly<Record<string, string>>;
  }[];
}

const golden = JSON.parse(readFileSync('proto-schemas/golden/codecs/codecs.json', 'utf8')) as Golden;
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const codecs = ['gzip', 'zstd', 'lz4', 'snappy'] as const;

describe('decompress', () => {
  for (const { name, plain, encoded } of golden.cases) {
    for (const [form, bytes] of Object.entries(encoded)) {
      test(`${form} decodes "${name}" to the original`, () => {
        const decoded = decompress(form.split('-')[0] as CodecName, bytesOf(bytes));
        expect(Buffer.from(decoded ?? []).toString('base64')).toBe(plain);
        expect(decoded).not.toBeNull();
      });
    }
  }

  test('a truncated input is refused by every codec', () => {
    for (const { encoded, plain } of golden.cases.slice(1)) {
      for (const codec of codecs) {
        const bytes = bytesOf(encoded[codec] as string);
        const decoded = decompress(codec, bytes.subarray(0, bytes.length - 9));
        expect(decoded === null || Buffer.from(decoded).toString('base64') !== plain).toBe(true);
      }
    }
  });

  test('mutated bytes never throw, whatever the codec', () => {
    const start = bytesOf(golden.cases[3]?.encoded['lz4'] ?? '');
    fc.assert(
      fc.property(
        fc.constantFrom(...codecs),
        fc.constantFrom(...golden.cases),
        fc.array(fc.tuple(fc.nat(start.length), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        (codec, { encoded }, mutations) => {
          const bytes = bytesOf(encoded[codec] as string);
          for (const [at, value] of mutations) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const decoded = decompress(codec, bytes);
          expect(decoded === null || decoded instanceof Uint8Array).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a bomb is refused instead of expanded', () => {
    expect(decompress('gzip', gzipSync(Buffer.alloc(200 * 1024 * 1024)))).toBeNull();
    const lyingSnappy = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x61]);
    expect(decompress('snappy', lyingSnappy)).toBeNull();
  });
});
