/** Avro's single-object encoding: bytes that name their schema by fingerprint. Source: Avro 1.12 specification, "Single-object encoding". */
import avsc from 'avsc';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import { codecOf } from './codec.ts';
import type { AvroSchema } from './schema.ts';

const marker = Buffer.from([0xc3, 0x01]);
const headerBytes = 10;

export interface SingleObjectCodec {
  encode(value: unknown): Result<Uint8Array>;
  /** Fails with `frame-invalid` for another schema's bytes and `record-malformed` for malformed ones. */
  decode(bytes: Uint8Array): Result<unknown>;
}

export function singleObjectCodec(schema: AvroSchema): SingleObjectCodec {
  const codec = codecOf(schema);
  const header = Buffer.concat([marker, fingerprint(schema)]);
  return {
    encode(value) {
      const encoded = codec.encode(value);
      return encoded.ok ? ok(Buffer.concat([header, encoded.value])) : encoded;
    },
    decode(bytes) {
      if (bytes.length < headerBytes || !header.equals(bytes.subarray(0, headerBytes))) {
        return fail('frame-invalid', 'decoding a single object: it is of another schema');
      }
      return codec.decode(bytes.subarray(headerBytes));
    },
  };
}

const emptyFingerprint = 0xc15d_213a_a4d7_a795n;

/** CRC-64-AVRO of the parsing canonical form, little endian. Source: Avro 1.12 specification, "Schema Fingerprints". */
export function fingerprint(schema: AvroSchema): Buffer {
  const type = avsc.Type.forSchema(JSON.parse(schema.text) as avsc.Schema, {
    wrapUnions: true,
  });
  let state = emptyFingerprint;
  for (const byte of Buffer.from(JSON.stringify(type.schema()))) {
    state ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) state = (state >> 1n) ^ (emptyFingerprint & -(state & 1n));
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, state));
  return bytes;
}
