/** What is measured: schema, policy, and framed batches of 1,000 records, the same for every side. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { clinicVisits } from '../../deploy/local/demo/feeds/clinic-visits.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, frame, fromJson, parseSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { AgreementTerms } from '../../libs/odrl/index.ts';
import { parsePolicy } from '../../libs/odrl/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../libs/records/index.ts';
import { wideRecord, wideRules, wideSchemaText } from './wide-record.ts';

export type WorkloadName = 'P0' | 'P1h' | 'W2';

export interface Workload {
  readonly name: WorkloadName;
  readonly label: string;
  readonly schema: AvroSchema;
  readonly terms: Pick<AgreementTerms, 'rules' | 'channels'>;
  readonly batches: readonly RecordFrames[];
  /** Bytes of a value, wire header included. */
  readonly valueBytesMean: number;
  readonly valueBytesExpected: readonly [number, number];
  readonly passRateExpected: readonly [number, number];
}

export const batchRecords = 1_000;

/** All workloads, with so many batches each. */
export function makeWorkloads(batchCount: number): Workload[] {
  const clinic = unwrap(parseSchema(repositoryFile('deploy/local/demo/datasets/clinic-visits/schema.avsc')));
  const visits = clinicVisits();
  const clinicBatches = makeBatches(clinic, batchCount, () => visits.next().value);
  const wide = unwrap(parseSchema(wideSchemaText));
  const w1 = { schema: clinic, ...clinicBatches, valueBytesExpected: [274, 304] } as const;
  return [
    { name: 'P0', label: 'W1, no keys', terms: policy('p0'), ...w1, passRateExpected: [1, 1] },
    { name: 'P1h', label: 'W1, HMAC-SHA256 token, row filter', terms: policy('p1h'), ...w1, passRateExpected: [0.74, 0.79] },
    {
      name: 'W2',
      label: '60 fields, 3 governed',
      schema: wide,
      terms: { rules: wideRules, channels: { key: 'drop', timestamp: 'keep' } },
      ...makeBatches(wide, batchCount, wideRecord),
      valueBytesExpected: [750, 850],
      passRateExpected: [1, 1],
    },
  ];
}

const repositoryFile = (name: string): string => readFileSync(path.join(repositoryRoot(), name), 'utf8');
const policy = (name: string): AgreementTerms =>
  unwrap(parsePolicy(parseYaml(repositoryFile(`test/bench/policies/${name}.yaml`))));

function makeBatches(
  schema: AvroSchema,
  count: number,
  json: (index: number) => unknown,
): { batches: RecordFrames[]; valueBytesMean: number } {
  const codec = codecOf(schema);
  const batches: RecordFrames[] = [];
  let bytes = 0;
  for (let batch = 0; batch < count; batch += 1) {
    const builder = new BatchBuilder(512 * 1024);
    for (let record = 0; record < batchRecords; record += 1) {
      const index = batch * batchRecords + record;
      const value = frame(1, unwrap(codec.encode(unwrap(fromJson(schema, json(index))))));
      bytes += value.length;
      builder.append(Buffer.from(`key-${String(index).padStart(32, '0')}`), value, [], 1_767_600_000_000n + BigInt(index));
    }
    const finished = builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false });
    readBatches(finished, (read) => {
      const frames = frameRecords(read, 0);
      if (frames === null) throw new Error('a batch of the bench was not framed');
      batches.push(frames);
    });
  }
  return { batches, valueBytesMean: bytes / (count * batchRecords) };
}
