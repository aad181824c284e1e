/**
 * Two subscribers under the same policy, each with the data key of an agreement of its own, lay their streams beside each other: which columns
 * join? No token may; what is kept does, and the output of this test names it.
 */
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame, fromJson, parseSchema, toJson } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { compile, createOutput, outcomes } from '../govern/index.ts';
import type { StageRule } from '../odrl/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { readDataset } from '../../deploy/local/demo/load.ts';
import { clinicVisits } from '../../deploy/local/demo/feeds/clinic-visits.ts';
import { stages } from './index.ts';

const recordCount = 2_000;
const schema = unwrap(parseSchema(readDataset('clinic-visits').schemaText));
const rule = (stage: string, at: string, config: StageRule['with'] = {}): StageRule => ({
  stage,
  at: [at],
  with: config,
  else: 'refuse',
});

/** Columns whose values are under a key, with how; they must not join. */
const tokens = {
  visitId: rule('pseudonymize', '/visitId', { prf: 'hmac-sha256' }),
  name: rule('pseudonymize', '/name', { prf: 'hmac-sm3' }),
  address: rule('pseudonymize', '/address', { prf: 'aes-128-cmac' }),
  residentId: rule('pseudonymize', '/residentId', { prf: 'sm4-cmac' }),
  notes: rule('tokenize', '/notes', { cipher: 'aes-128' }),
  dept: rule('tokenize', '/dept', { cipher: 'sm4' }),
  phone: rule('fpe', '/phone', { kind: 'phone' }),
} as const;
/** Columns that leave as they are or coarser; they must join, or the comparison sees nothing. */
const open = {
  birthDate: rule('band', '/birthDate', { width: 5, unit: 'years' }),
  districtCode: rule('prefix', '/districtCode', { first: 4 }),
  sex: rule('keep', '/sex'),
  diagnosisCode: rule('keep', '/diagnosisCode'),
  cost: rule('keep', '/cost'),
  paidBy: rule('keep', '/paidBy'),
  visitTime: rule('keep', '/visitTime'),
} as const;

/** Values of a column by record; null where there is none, and null joins nothing. */
type Columns = ReadonlyMap<string, readonly (string | null)[]>;

function framesOf(): RecordFrames {
  const builder = new BatchBuilder();
  const visits = clinicVisits();
  for (let index = 0; index < recordCount; index += 1) {
    const visit = visits.next().value;
    const avro = unwrap(codecOf(schema).encode(unwrap(fromJson(schema, visit))));
    builder.append(Buffer.from(visit.residentId), frame(7, avro), [], BigInt(visit.visitTime));
  }
  const found: (RecordFrames | null)[] = [];
  const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 0)));
  return found[0] as RecordFrames;
}

/** Everything that leaves under an agreement with this data key, its channels beside the columns. */
function streamOf(frames: RecordFrames, dataKey: Uint8Array, changed: Partial<Record<string, StageRule>> = {}): Columns {
  const rules = [...Object.values({ ...tokens, ...open, ...changed }), rule('drop', '/tags')] as StageRule[];
  const channels = { key: { repeats: '/residentId' }, timestamp: 'keep' } as const;
  const program = unwrap(compile({ schema, stages, terms: { rules, channels } }));
  const bound = unwrap(program.bind({ governedSchemaId: 9, datasetId: 'clinic-visits', dataKey }));
  const out = createOutput(frames.count, 4 * 1024 * 1024);
  expect(bound.run(frames, 0, frames.count, out)).toBe(frames.count);
  const columns = new Map<string, (string | null)[]>();
  const put = (name: string, value: unknown): void => {
    const column = columns.get(name) ?? [];
    column.push(value === null ? null : JSON.stringify(value));
    columns.set(name, column);
  };
  for (let index = 0; index < frames.count; index += 1) {
    if (out.outcome[index] !== outcomes.reshape) throw new Error(`record ${index} does not leave`);
    const avro = out.bytes.subarray((out.valueStart[index] as number) + 5, out.valueEnd[index]);
    const value = toJson(program.governedSchema, unwrap(codecOf(program.governedSchema).decode(avro))) as object;
    for (const [name, member] of Object.entries(value)) put(name, member);
    put('(key)', out.bytes.subarray(out.keyStart[index], out.keyEnd[index]).toString('latin1'));
    put('(timestamp)', frames.timestampMs[index]);
  }
  return columns;
}

interface Join {
  readonly by: string;
  /** Different values (or pairs of values) that both streams have. */
  readonly common: number;
  /** Records that the join finds in the other stream, and no other record beside them. */
  readonly linked: number;
}

/** The join by each column and each pair of columns. */
function joinsOf(left: Columns, right: Columns): Join[] {
  const names = [...left.keys()];
  const pairs = names.flatMap((a, index) => names.slice(index + 1).map((b) => [a, b]));
  return [...names.map((name) => [name]), ...pairs].map((by) => {
    const [ours, theirs] = [placesOf(left, by), placesOf(right, by)];
    const common = [...ours.keys()].filter((value) => theirs.has(value));
    const linked = common.filter((value) => {
      const [mine, other] = [ours.get(value), theirs.get(value)];
      return mine?.length === 1 && other?.length === 1 && mine[0] === other[0];
    });
    return { by: by.join(' + '), common: common.length, linked: linked.length };
  });
}

/** Records by what they have in these columns. */
function placesOf(columns: Columns, by: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (let index = 0; index < recordCount; index += 1) {
    const values = by.map((name) => columns.get(name)?.[index] ?? null);
    if (values.includes(null)) continue;
    const value = values.join('\n');
    places.set(value, [...(places.get(value) ?? []), index]);
  }
  return places;
}

describe('the streams of two agreements under one policy', () => {
  const frames = framesOf();
  const [ours, theirs] = [streamOf(frames, Buffer.alloc(32, 1)), streamOf(frames, Buffer.alloc(32, 2))];
  const joins = joinsOf(ours, theirs);
  const alone = joins.filter(({ by }) => !by.includes(' + '));
  const keyed: readonly string[] = [...Object.keys(tokens), '(key)'];
  const isKeyed = ({ by }: Join): boolean => by.split(' + ').some((name) => keyed.includes(name));

  /**
   * Numbers have 8 encrypted digits, so two of the same first 3 digits meet by chance once in 10^8 pairs. Here are fewer than 10^6 pairs: a
   * mean below a hundredth, under which three are chance less than once in a million.
   */
  const metByChance = 2;

  test('have every column that was named, with more than one value to join by', () => {
    expect(alone.map(({ by }) => by).sort()).toEqual([...keyed, ...Object.keys(open), '(timestamp)'].sort());
    for (const name of keyed) expect(placesOf(ours, [name]).size).toBeGreaterThan(5);
  });

  test('join by no token, alone or beside another column', () => {
    for (const join of joins.filter(isKeyed)) {
      const most = join.by.includes('phone') ? metByChance : 0;
      expect(`${join.by}: ${Math.max(0, join.common - most)} in common`).toBe(`${join.by}: 0 in common`);
    }
  });

  test('join by what is kept, and this says by which columns and how many records they find', () => {
    const named = alone.filter((join) => join.common > (isKeyed(join) ? metByChance : 0)).map(({ by }) => by);
    expect(named.sort()).toEqual([...Object.keys(open), '(timestamp)'].sort());
    const linking = joins.filter(({ by, linked }) => linked > 0 && !by.includes('visitTime') && !by.includes('(timestamp)'));
    const lines = [...alone.filter(({ common }) => common > 0), ...linking.filter(({ by }) => by.includes(' + '))].map(
      ({ by, common, linked }) => `  ${by}: ${common} values in common, ${linked} of ${recordCount} records found by them alone`,
    );
    process.stdout.write(`What joins two agreements on clinic-visits:\n${lines.join('\n')}\n`);
    // Times are nearly one for each record: whoever keeps them lets all be joined, whatever else is tokenized.
    for (const time of ['visitTime', '(timestamp)']) {
      const found = alone.find(({ by }) => by === time)?.linked ?? 0;
      expect(found).toBeGreaterThan(recordCount * 0.9);
    }
  });

  test('would be seen to join if both had one key, and if a token became a kept column', () => {
    const same = joinsOf(ours, streamOf(frames, Buffer.alloc(32, 1)));
    expect(same.filter((join) => isKeyed(join) && join.common === 0)).toEqual([]);
    const careless = { phone: rule('keep', '/phone') };
    const [one, other] = [streamOf(frames, Buffer.alloc(32, 1), careless), streamOf(frames, Buffer.alloc(32, 2), careless)];
    expect(joinsOf(one, other).find(({ by }) => by === 'phone')?.common).toBeGreaterThan(metByChance);
  });
});
