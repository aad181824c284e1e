/**
 * The same work as a careful TypeScript developer does it with avsc: the dropped field is projected away by a resolver, records are decoded
 * and encoded at positions of two buffers that are used again, HMAC takes a KeyObject, and texts are cut without splitting them into arrays.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import avsc from 'avsc';
import { FF1 } from '@noble/ciphers/ff1.js';
import { unwrap } from '../../libs/base/index.ts';
import type { Program, ValueContext } from '../../libs/govern/index.ts';
import { deriveFieldKey } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { Side } from './sides.ts';
import { datasetId, governedSchemaId } from './sides.ts';
import { batchRecords } from './workloads.ts';
import type { Workload, WorkloadName } from './workloads.ts';

type Json = Record<string, unknown>;
/** Changes a decoded record in place: once, where false withholds it, and then for each agreement under its key. */
interface Change {
  plain(record: Json): boolean;
  readonly keyed: readonly ((record: Json) => void)[];
}

const headerBytes = 5;
const outputBytes = 2 * 1024 * 1024;
const millisPerDay = 86_400_000;

export function avscSide({ name }: Workload, program: Program, keys: readonly Uint8Array[]): Side {
  const { plain, keyed } = changes[name](keys);
  const dropped = name === 'W2' ? 'remark' : name === 'P4' ? undefined : 'notes';
  const writer = typeOf(JSON.parse(program.writerSchema.text) as Json);
  const governed = typeOf(JSON.parse(program.governedSchema.text) as Json);
  const projected = JSON.parse(program.writerSchema.text) as { fields: { name: string }[] };
  const reader = typeOf({ ...projected, fields: projected.fields.filter((field) => field.name !== dropped) });
  const resolver = reader.createResolver(writer);
  // One buffer for each agreement.
  const outputs = keys.map(() => Buffer.alloc(outputBytes));
  const out = outputs.at(-1) as Buffer;
  const starts = new Int32Array(batchRecords);
  const ends = new Int32Array(batchRecords);
  return {
    name: 'avsc',
    run(frames: RecordFrames) {
      const input = Buffer.from(frames.bytes.buffer, frames.bytes.byteOffset, frames.bytes.byteLength);
      const positions = new Int32Array(keys.length);
      for (let index = 0; index < frames.count; index += 1) {
        starts[index] = -1;
        const { value, offset } = reader.decode(input, (frames.valueStart[index] as number) + headerBytes, resolver);
        if (offset !== frames.valueEnd[index]) throw new Error(`avsc: record ${index} is malformed`);
        const record = value as Json;
        if (!plain(record)) continue;
        for (let at = 0; at < outputs.length; at += 1) {
          const target = outputs[at] as Buffer;
          const position = positions[at] as number;
          keyed[at]?.(record);
          const end = governed.encode(record, target, position + headerBytes);
          if (end < 0) throw new Error('avsc: the output is full');
          target[position] = 0;
          target.writeUInt32BE(governedSchemaId, position + 1);
          starts[index] = position;
          ends[index] = end;
          positions[at] = end;
        }
      }
    },
    value: (index) => {
      const start = starts[index] as number;
      return start < 0 ? null : out.subarray(start, ends[index]);
    },
  };
}

const typeOf = (schema: Json): avsc.Type => avsc.Type.forSchema(schema as unknown as avsc.Schema);

const clinicChange = (): ((record: Json) => void) => {
  const bands = new Map<number, string>();
  return (record) => {
    record['name'] = maskAfterFirst(record['name'] as string);
    record['phone'] = maskMiddle(record['phone'] as string);
    record['birthDate'] = yearBand(record['birthDate'] as number, bands);
    record['districtCode'] = (record['districtCode'] as string).slice(0, 4);
    record['address'] = `${firstPoints(record['address'] as string, 9)}***`;
  };
};

const departments = new Set(['internal', 'surgery', 'pediatrics', 'emergency']);
const passes = (record: Json): boolean => (record['cost'] as number) >= 50 && departments.has(record['dept'] as string);

/** What is the same for every agreement is done once; each agreement's token is made of the same raw number. */
const tokenChange =
  (before: (record: Json) => void = () => undefined) =>
  (dataKeys: readonly Uint8Array[]): Change => {
    const clinic = clinicChange();
    let residentId = '';
    return {
      plain(record) {
        if (!passes(record)) return false;
        residentId = record['residentId'] as string;
        before(record);
        clinic(record);
        return true;
      },
      keyed: dataKeys.map((dataKey) => {
        const key = createSecretKey(deriveFieldKey(dataKey, datasetId, 'pseudonymize/residentId'));
        return (record) => {
          record['residentId'] = createHmac('sha256', key).update(residentId, 'utf8').digest('hex').slice(0, 32);
        };
      }),
    };
  };

const changes: Readonly<Record<WorkloadName, (dataKeys: readonly Uint8Array[]) => Change>> = {
  P0: () => {
    const clinic = clinicChange();
    return {
      plain(record) {
        clinic(record);
        return true;
      },
      keyed: [],
    };
  },
  P1h: tokenChange(),
  P1c: tokenChange(),
  P1s: tokenChange(),
  P3: tokenChange(),
  P4: tokenChange((record) => {
    if (record['notes'] !== null) record['notes'] = scrubNotes(record['notes'] as string);
  }),
  P2: (dataKeys) => {
    let phone = '';
    const { plain, keyed } = tokenChange((record) => {
      phone = record['phone'] as string;
    })(dataKeys);
    return {
      plain,
      keyed: dataKeys.map((dataKey, at) => {
        const cipher = FF1(10, deriveFieldKey(dataKey, datasetId, 'fpe/phone').subarray(0, 16), Buffer.from('fpe/phone'));
        return (record) => {
          keyed[at]?.(record);
          record['phone'] = phone.slice(0, 3) + cipher.encrypt(Array.from(phone.slice(3), Number)).join('');
        };
      }),
    };
  },
  W2: () => ({
    plain(record) {
      record['phone'] = maskMiddle(record['phone'] as string);
      record['weight'] = Math.floor((record['weight'] as number) / 10) * 10;
      return true;
    },
    keyed: [],
  }),
};

/** The stage's own function, on both sides: P4 measures what the walk around it costs. */
const scrubNotes = ((): ((text: string) => string) => {
  let scrubbed: ((value: unknown, at: ValueContext) => unknown) | undefined;
  const place: ValueContext = { partition: 0, offset: 0n, occurrence: 0, subject: null };
  return (text) => {
    scrubbed ??= scrubFunction();
    return String(scrubbed(text, place));
  };
})();

function scrubFunction(): (value: unknown, at: ValueContext) => unknown {
  const stage = stages.find(({ name }) => name === 'scrub');
  if (stage?.scope !== 'field') throw new Error('there is no stage scrub');
  const config = stage.config.parse({});
  const { action } = unwrap(stage.planWith({ path: '/notes', type: { kind: 'string' }, nullable: true }, config));
  if (action.kind !== 'transform') throw new Error('scrub transforms');
  return action.reference(undefined);
}

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
