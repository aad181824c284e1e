/** Records and batches for tests, written field by field, so that offsets may have gaps and any number may be wrong. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { writeVarint, writeVarlong } from '../../base/index.ts';
import type { CodecName } from '../batch-layout.ts';
import type { RecordBatch } from '../read-batches.ts';
import type { RecordFrames } from '../record-frames.ts';
import type { Choose } from './plain-packers-fixture.ts';
import { packLz4Plainly, packSnappyPlainly, packXerialPlainly } from './plain-packers-fixture.ts';

interface WireRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampDelta: bigint;
  /** Offset less the one before, less one. */
  readonly gap: number;
  readonly headers: Uint8Array;
}

const bytes = fc.oneof(
  { weight: 30, arbitrary: fc.uint8Array({ maxLength: 90 }) },
  // Lengths of three bytes.
  fc.integer({ min: 8_190, max: 8_200 }).map((length) => new Uint8Array(length).fill(length)),
);
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

export const wireRecord: fc.Arbitrary<WireRecord> = fc.record({
  key: fc.option(bytes, { nil: null }),
  value: fc.option(bytes, { nil: null }),
  timestampDelta: fc.oneof(fc.bigInt({ min: 0n, max: 200n }), fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), fc.bigInt(int64)),
  gap: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(3_000_000)),
  headers: fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.from([0, ...rest])),
});

export const batchFields = fc.record({
  baseOffset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  baseTimestampMs: fc.oneof(fc.constant(1_767_600_000_000n), fc.bigInt(int64)),
  maxTimestampMs: fc.bigInt(int64),
  logAppendTime: fc.boolean(),
});

/** The records part of a batch, uncompressed, and the last record's offset less the base. */
function wire(records: readonly WireRecord[]): {
  plain: Uint8Array;
  lastDelta: number;
} {
  const parts: Uint8Array[] = [];
  let offset = -1;
  for (const { key, value, timestampDelta, gap, headers } of records) {
    offset += 1 + gap;
    const body = Buffer.concat([
      Buffer.from([0]),
      varint((into) => writeVarlong(into, 0, timestampDelta)),
      varint((into) => writeVarint(into, 0, offset)),
      ...[key, value].flatMap((part) => [varint((into) => writeVarint(into, 0, part?.length ?? -1)), part ?? new Uint8Array()]),
      headers,
    ]);
    parts.push(
      varint((into) => writeVarint(into, 0, body.length)),
      body,
    );
  }
  return { plain: Buffer.concat(parts), lastDelta: Math.max(0, offset) };
}

function varint(write: (into: Uint8Array) => number): Uint8Array {
  const into = new Uint8Array(10);
  return into.subarray(0, write(into));
}

/** How each codec is packed here, snappy in two ways. */
export const packings = {
  none: (plain: Uint8Array) => plain,
  gzip: (plain: Uint8Array) => gzipSync(plain),
  zstd: (plain: Uint8Array) => zstdCompressSync(plain),
  lz4: (plain: Uint8Array, choose: Choose) => packLz4Plainly(plain, choose),
  snappy: (plain: Uint8Array, choose: Choose) => packSnappyPlainly(plain, choose),
  'snappy-xerial': (plain: Uint8Array, choose: Choose) => packXerialPlainly(plain, choose, 1_000),
} as const;
export type Packing = keyof typeof packings;

/** An intact batch of these records; only what framing looks at is filled in. */
export function wireBatch(
  records: readonly WireRecord[],
  packing: Packing,
  choose: Choose,
  fields: Pick<RecordBatch, 'baseOffset' | 'baseTimestampMs' | 'maxTimestampMs' | 'logAppendTime'>,
  damage: (plain: Uint8Array) => Uint8Array = (plain) => plain,
): RecordBatch {
  const { plain, lastDelta } = wire(records);
  return {
    ...fields,
    lastOffset: fields.baseOffset + BigInt(lastDelta),
    recordCount: records.length,
    codec: packing.split('-')[0] as CodecName,
    transactional: false,
    control: false,
    producerId: -1n,
    bytes: new Uint8Array(),
    records: packings[packing](damage(plain), choose),
    intact: true,
    intactBy: () => true,
  };
}

/** Where frames differ, by name; none when they are the same. */
export function differences(frames: RecordFrames, expected: RecordFrames): string[] {
  const found: string[] = [];
  for (const name of ['count', 'partition', 'baseOffset'] as const) if (frames[name] !== expected[name]) found.push(name);
  if (Buffer.compare(frames.bytes, expected.bytes) !== 0) found.push('bytes');
  for (const name of arrayNames) {
    const [here, there] = [frames[name], expected[name]];
    if (here.length !== there.length || here.some((value, index) => !Object.is(value, there[index]))) found.push(name);
  }
  return found;
}

export const arrayNames = [
  'offsetDelta',
  'timestampMs',
  'keyStart',
  'keyEnd',
  'valueStart',
  'valueEnd',
  'headersStart',
  'headersEnd',
] as const;
