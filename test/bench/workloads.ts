/** What is measured: schema, policy, and framed batches of 1,000 records, the same for every side. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { clinicVisits } from '../../deploy/local/demo/feeds/clinic-visits.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, frame, fromJson, parseSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { AgreementTerms, StageRule } from '../../libs/odrl/index.ts';
import { parsePolicy } from '../../libs/odrl/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../libs/records/index.ts';
import { wideRecord, wideRules, wideSchemaText } from './wide-record.ts';

export type WorkloadName = 'P0' | 'P1h' | 'P1c' | 'P1s' | 'P2' | 'P3' | 'P4' | 'W2';

export type Terms = Pick<AgreementTerms, 'rules' | 'channels'>;

export interface Workload {
  readonly name: WorkloadName;
  readonly label: string;
  readonly schema: AvroSchema;
  readonly terms: Terms;
  /** What the avsc side does, where it has no such token function: HMAC-SHA256 in place of the block ciphers. */
  readonly avscTerms: Terms;
  /** Agreements at once on one feed, each with its own key. */
  readonly agreements: number;
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
  const [p0, p1h] = [policy('p0'), policy('p1h')];
  const passing = { passRateExpected: [0.74, 0.79] } as const;
  const digits: StageRule = { stage: 'fpe', at: ['/phone'], with: { kind: 'phone' }, else: 'refuse' };
  const scrubbed: StageRule = { stage: 'scrub', at: ['/notes'], with: {}, else: 'refuse' };
  const p2 = replaced(p1h, '/phone', digits);
  const p4 = replaced(p1h, '/notes', scrubbed);
  const token = (terms: Terms, prf: string): Pick<Workload, 'terms' | 'avscTerms'> => ({
    terms: withPrf(terms, prf),
    avscTerms: terms,
  });
  const all: Workload[] = [
    { name: 'P0', label: 'W1, no keys', terms: p0, avscTerms: p0, agreements: 1, ...w1, passRateExpected: [1, 1] },
    { name: 'P1h', label: 'W1, HMAC-SHA256 token, row filter', terms: p1h, avscTerms: p1h, agreements: 1, ...w1, ...passing },
    {
      name: 'P1c',
      label: 'W1, AES-CMAC token; avsc: HMAC-SHA256',
      ...token(p1h, 'aes-128-cmac'),
      agreements: 1,
      ...w1,
      ...passing,
    },
    { name: 'P1s', label: 'W1, SM4-CMAC token; avsc: HMAC-SHA256', ...token(p1h, 'sm4-cmac'), agreements: 1, ...w1, ...passing },
    {
      name: 'P2',
      label: 'P1c and FF1 phone; avsc: HMAC, @noble/ciphers',
      ...token(p2, 'aes-128-cmac'),
      agreements: 1,
      ...w1,
      ...passing,
    },
    {
      name: 'P3',
      label: 'P1c for 8 agreements; avsc: HMAC, one decode',
      ...token(p1h, 'aes-128-cmac'),
      agreements: 8,
      ...w1,
      ...passing,
    },
    {
      name: 'P4',
      label: 'P1c, notes scrubbed; avsc: HMAC, same function',
      ...token(p4, 'aes-128-cmac'),
      agreements: 1,
      ...w1,
      ...passing,
    },
  ];
  const wideTerms: Terms = { rules: wideRules, channels: { key: 'drop', timestamp: 'keep' } };
  return [
    ...all,
    {
      name: 'W2',
      label: '60 fields, 3 governed',
      schema: wide,
      terms: wideTerms,
      avscTerms: wideTerms,
      agreements: 1,
      ...makeBatches(wide, batchCount, wideRecord),
      valueBytesExpected: [750, 850],
      passRateExpected: [1, 1],
    },
  ];
}

/** The same terms with another rule for a field. */
const replaced = ({ rules, channels }: Terms, path: string, rule: StageRule): Terms => ({
  channels,
  rules: [...rules.filter(({ at }) => !at.includes(path)), rule],
});

const withPrf = ({ rules, channels }: Terms, prf: string): Terms => ({
  channels,
  rules: rules.map((rule) => (rule.stage === 'pseudonymize' ? { ...rule, with: { ...rule.with, prf } } : rule)),
});

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
