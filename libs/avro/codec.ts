/** Decoding and encoding of whole values by avsc, behind the bounded check. Longs are bigints; unions are wrapped: `{ string: 'x' }` or null. */
import avsc from 'avsc';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import { checkRecord } from './check-record.ts';
import type { AvroSchema } from './schema.ts';

export interface AvroCodec {
  /** Bare Avro bytes, without a wire header. Fails with `record-malformed` unless they are exactly one value. */
  decode(bytes: Uint8Array): Result<unknown>;
  /** Fails with `record-malformed` when the value is not of the schema. */
  encode(value: unknown): Result<Uint8Array>;
}

const bigLong = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer(value: bigint | number) {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(BigInt(value));
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) =>
    (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) ||
    (typeof value === 'number' && Number.isSafeInteger(value)),
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const codecs = new WeakMap<AvroSchema, AvroCodec>();

export function codecOf(schema: AvroSchema): AvroCodec {
  const known = codecs.get(schema);
  if (known !== undefined) return known;
  const type = avscType(schema);
  const codec: AvroCodec = {
    decode(bytes) {
      if (!checkRecord(schema.root, bytes))
        return fail('record-malformed', 'decoding: the bytes are not one value of the schema');
      try {
        return ok(type.fromBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as unknown);
      } catch {
        return fail('record-malformed', 'decoding: the bytes are not one value of the schema');
      }
    },
    encode(value) {
      try {
        return ok(type.toBuffer(value));
      } catch {
        return fail('record-malformed', 'encoding: the value is not of the schema');
      }
    },
  };
  codecs.set(schema, codec);
  return codec;
}

/** A type of the library whose longs are exact. */
function avscType(schema: AvroSchema): avsc.Type {
  return avsc.Type.forSchema(JSON.parse(schema.text) as avsc.Schema, {
    wrapUnions: true,
    registry: { long: bigLong },
    // The registry answers for the name alone; a long with attributes (`{"type":"long","logicalType":...}`) is caught here.
    typeHook: (part) => (typeof part === 'object' && 'type' in part && part.type === 'long' ? bigLong : undefined),
    logicalTypes: {},
  });
}
