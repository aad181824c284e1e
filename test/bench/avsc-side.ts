/**
 * The same work as a careful TypeScript developer does it with avsc: the dropped field is projected away by a resolver, records are decoded
 * and encoded at positions of two buffers that are used again, HMAC takes a KeyObject, and texts are cut without splitting them into arrays.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import avsc from 'avsc';
import type { Program } from '../../libs/govern/index.ts';
import { deriveFieldKey } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import type { Side } from './sides.ts';
import { dataKey, datasetId, governedSchemaId } from './sides.ts';
import { batchRecords } from './workloads.ts';
import type { WorkloadName } from './workloads.ts';

type Json = Record<string, unknown>;
/** Changes a decoded record in place; false withholds it. */
type Change = (record: Json) => boolean;

const headerBytes = 5;
const outputBytes = 2 * 1024 * 1024;
const millisPerDay = 86_400_000;

export function avscSide(name: WorkloadName, program: Program): Side {
  const change = changes[name]();
  const dropped = name === 'W2' ? 'remark' : 'notes';
  const writer = typeOf(JSON.parse(program.writerSchema.text) as Json);
  const governed = typeOf(JSON.parse(program.governedSchema.text) as Json);
  const projected = JSON.parse(program.writerSchema.text) as { fields: { name: string }[] };
  const reader = typeOf({ ...projected, fields: projected.fields.filter((field) => field.name !== dropped) });
  const resolver = reader.createResolver(writer);
  const out = Buffer.alloc(outputBytes);
  const starts = new Int32Array(batchRecords);
  const ends = new Int32Array(batchRecords);
  return {
    name: 'avsc',
    run(frames: RecordFrames) {
      const input = Buffer.from(frames.bytes.buffer, frames.bytes.byteOffset, frames.bytes.byteLength);
      let position = 0;
      for (let index = 0; index < frames.count; index += 1) {
        starts[index] = -1;
        const { value, offset } = reader.decode(input, (frames.valueStart[index] as number) + headerBytes, resolver);
        if (offset !== frames.valueEnd[index]) throw new Error(`avsc: record ${index} is malformed`);
        if (!change(value as Json)) continue;
        const end = governed.encode(value, out, position + headerBytes);
        if (end < 0) throw new Error('avsc: the output is full');
        out[position] = 0;
        out.writeUInt32BE(governedSchemaId, position + 1);
        starts[index] = position;
        ends[index] = end;
        position = end;
      }
    },
    value: (index) => {
      const start = starts[index] as number;
      return start < 0 ? null : out.subarray(start, ends[index]);
    },
  };
}

const typeOf = (schema: Json): avsc.Type => avsc.Type.forSchema(schema as unknown as avsc.Schema);

const clinicChange = (): Change => {
  const bands = new Map<number, string>();
  return (record) => {
    record['name'] = maskAfterFirst(record['name'] as string);
    record['phone'] = maskMiddle(record['phone'] as string);
    record['birthDate'] = yearBand(record['birthDate'] as number, bands);
    record['districtCode'] = (record['districtCode'] as string).slice(0, 4);
    record['address'] = `${firstPoints(record['address'] as string, 9)}***`;
    return true;
  };
};

const changes: Readonly<Record<WorkloadName, () => Change>> = {
  P0: clinicChange,
  P1h: () => {
    const key = createSecretKey(deriveFieldKey(dataKey, datasetId, 'pseudonymize/residentId'));
    const departments = new Set(['internal', 'surgery', 'pediatrics', 'emergency']);
    const clinic = clinicChange();
    return (record) => {
      if (!((record['cost'] as number) >= 50 && departments.has(record['dept'] as string))) return false;
      record['residentId'] = createHmac('sha256', key)
        .update(record['residentId'] as string, 'utf8')
        .digest('hex')
        .slice(0, 32);
      return clinic(record);
    };
  },
  W2: () => (record) => {
    record['phone'] = maskMiddle(record['phone'] as string);
    record['weight'] = Math.floor((record['weight'] as number) / 10) * 10;
    return true;
  },
};

/** The UTF-16 length of the first `count` code points. */
function unitsOf(text: string, count: number): number {
  let units = 0;
  for (let point = 0; point < count && units < text.length; point += 1)
    units += (text.codePointAt(units) as number) > 0xffff ? 2 : 1;
  return units;
}

const firstPoints = (text: string, count: number): string => {
  const units = unitsOf(text, count);
  // A text no longer than what is kept is replaced entirely.
  return units === text.length ? '' : text.slice(0, units);
};

function maskAfterFirst(text: string): string {
  const first = unitsOf(text, 1);
  let hidden = 0;
  for (let unit = first; unit < text.length; unit += (text.codePointAt(unit) as number) > 0xffff ? 2 : 1) hidden += 1;
  return hidden === 0 ? '*' : text.slice(0, first) + '*'.repeat(hidden);
}

/** Phones are digits, one unit each. */
const maskMiddle = (phone: string): string => (phone.length > 7 ? `${phone.slice(0, 3)}****${phone.slice(-4)}` : '****');

function yearBand(days: number, bands: Map<number, string>): string {
  const low = Math.floor(new Date(days * millisPerDay).getUTCFullYear() / 5) * 5;
  let text = bands.get(low);
  if (text === undefined) {
    text = `${String(low).padStart(4, '0')}/${String(low + 4).padStart(4, '0')}`;
    bands.set(low, text);
  }
  return text;
}
