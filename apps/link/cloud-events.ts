/** Governed records as CloudEvents 1.0 in the JSON batch format. */
import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import type { AvroCodec, AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, parseSchema, toJson, unframe } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { formatTraceparent, readTraceparent } from '../../libs/telemetry/index.ts';

/** CloudEvents 1.0.2, JSON event format, section 4. */
export const cloudEventsBatchType = 'application/cloudevents-batch+json';

const eventType = 'sluice.governed-record.v1';

/** Writes one record as the JSON text of its event. Fails when its schema is not of the agreement's Programs, or its bytes are not of it. */
export type WriteEvent = (record: ReadRecord) => Result<string>;

interface Reader {
  readonly schema: AvroSchema;
  readonly codec: AvroCodec;
}

/** The writer of an agreement's events; the governed schemas come with the directive, so no registry is asked. */
export function eventWriter(directive: Directive): Result<WriteEvent> {
  const readers = new Map<number, Reader>();
  for (const program of directive.programs) {
    const schema = parseSchema(program.governedSchema);
    if (!schema.ok) return during(`reading governed schema ${program.governedSchemaId}`, schema.failure);
    readers.set(program.governedSchemaId, { schema: schema.value, codec: codecOf(schema.value) });
  }
  return ok((record) => writeEvent(directive, readers, record));
}

function writeEvent(directive: Directive, readers: ReadonlyMap<number, Reader>, record: ReadRecord): Result<string> {
  const place = `${directive.agreement}/${record.partition}/${record.offset}`;
  const context = readTraceparent(record.headers);
  const event: Record<string, unknown> = {
    specversion: '1.0',
    id: place,
    source: `urn:sluice:agreement:${directive.agreement}`,
    type: eventType,
    time: new Date(Number(record.timestampMs)).toISOString(),
    ...(record.key === null ? {} : { partitionkey: Buffer.from(record.key).toString('utf8') }),
    ...(context === null ? {} : { traceparent: formatTraceparent(context) }),
  };
  // A governed tombstone is an event without data.
  if (record.value === null) return ok(JSON.stringify(event));
  const framed = unframe(record.value);
  if (!framed.ok) return during(`reading ${place}`, framed.failure);
  const reader = readers.get(framed.value.schemaId);
  if (reader === undefined)
    return fail('schema-unknown', `reading ${place}: no Program of the agreement writes schema ${framed.value.schemaId}`);
  const value = reader.codec.decode(framed.value.body);
  if (!value.ok) return during(`reading ${place}`, value.failure);
  event['datacontenttype'] = 'application/json';
  event['dataschema'] = `urn:sluice:schema:${framed.value.schemaId}`;
  event['data'] = toJson(reader.schema, value.value);
  return ok(JSON.stringify(event));
}
