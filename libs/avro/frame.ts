/** Confluent wire format: a zero byte, the schema id as 4 bytes big endian, then the Avro bytes. Source: Confluent Schema Registry, "Wire format". */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';

export const frameHeaderBytes = 5;

export function frame(schemaId: number, avro: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(frameHeaderBytes + avro.length);
  framed[0] = 0;
  framed.writeUInt32BE(schemaId, 1);
  framed.set(avro, frameHeaderBytes);
  return framed;
}

export function unframe(value: Uint8Array): Result<{ schemaId: number; body: Uint8Array }> {
  const schemaId = frameSchemaId(value, 0, value.length);
  if (schemaId < 0) return fail('frame-invalid', 'reading the wire header: not a zero byte and a schema id');
  return ok({ schemaId, body: value.subarray(frameHeaderBytes) });
}

/** The schema id of the framed value in `bytes[start, end)`, or -1. */
export function frameSchemaId(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < frameHeaderBytes || bytes[start] !== 0) return -1;
  const id =
    ((bytes[start + 1] as number) << 24) |
    ((bytes[start + 2] as number) << 16) |
    ((bytes[start + 3] as number) << 8) |
    (bytes[start + 4] as number);
  return id >= 0 ? id : -1;
}
