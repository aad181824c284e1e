/** The feed of a fault run: its schema, its agreements and, in plain code, what must become of each record under each of them. */
import { createHash } from 'node:crypto';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile } from '../../libs/govern/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { canary } from '../e2e/canary.ts';
import type { Random } from '../scrub/random.ts';

export const writerSchemaId = 7101;
const governedSchemaId = 7102;

export const feedSchema: AvroSchema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Visit',
      fields: [
        { name: 'seq', type: 'long' },
        { name: 'person', type: 'string' },
        { name: 'owner', type: 'string' },
        { name: 'cost', type: 'double' },
        { name: 'note', type: 'string' },
      ],
    }),
  ),
);

/** What a record of the feed says. */
export interface Visit {
  readonly seq: number;
  readonly person: string;
  readonly owner: string;
  readonly cost: number;
  readonly note: string;
}

/** `open` lets no key out and takes all partitions' records alike; `keyed` lets out a pseudonym of the key and so refuses a record without one. */
export const agreementNames = ['open', 'keyed'] as const;
export type AgreementName = (typeof agreementNames)[number];

/** Rows below this cost are withheld. */
const costMin: Record<AgreementName, number> = { open: 20, keyed: 50 };

/** Under a directive of an even revision, `open` masks owners with six symbols instead of four. */
export const maskWidth = (revision: number): number => (revision % 2 === 0 ? 6 : 4);

export type Fate = 'govern' | 'withhold' | 'refuse';

/** What must become of a record that the raw topic holds. `visit` is undefined for bytes that are no record of the feed. */
export function fateOf(agreement: AgreementName, key: string | null, visit: Visit | undefined): Fate {
  if (visit === undefined) return 'refuse';
  if (visit.cost < costMin[agreement]) return 'withhold';
  if (!/^[0-9]{6}$/.test(visit.person)) return 'refuse';
  return agreement === 'keyed' && key !== visit.person ? 'refuse' : 'govern';
}

/** A producer's share of the persons: no two producers send records of the same key, so their order is that of the sequence numbers. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

const personsPerShare = 40;

/**
 * A random visit. One in 50 has a person that no rule accepts, one in 10 costs too little for both agreements and one in 10 for `keyed` alone.
 * Only visits with a key and a good person cost little: whether such a record is first withheld or first refused is not this feed's question.
 */
export function drawVisit(random: Random, seq: number, keyed: boolean, share: Share): Visit {
  const bad = random.chance(0.02);
  const cheap = keyed && !bad ? random.next() : 1;
  const person = random.whole(0, personsPerShare - 1) * share.of + share.index;
  return {
    seq,
    person: bad ? `${canary('person', seq)}x` : String(person).padStart(6, '0'),
    owner: canary('owner', seq),
    cost: cheap < 0.1 ? 10 : cheap < 0.2 ? 30 : 60 + (seq % 100),
    note: canary('note', seq),
  };
}

const feedCodec = codecOf(feedSchema);

/** As a producer with the registry's serializer writes it. */
export const visitBytes = (visit: Visit): Uint8Array => frame(writerSchemaId, unwrap(feedCodec.encode({ ...visit })));

/** The visit in a raw value; undefined when there is none. */
export function readVisit(value: Uint8Array | null): Visit | undefined {
  if (value === null || value.length < 6 || Buffer.from(value).readUInt32BE(1) !== writerSchemaId || value[0] !== 0)
    return undefined;
  const decoded = feedCodec.decode(value.subarray(5));
  return decoded.ok ? withNumber(decoded.value as Visit) : undefined;
}

/** What a governed record says. */
export interface GovernedVisit {
  readonly seq: number;
  readonly person: string;
  readonly owner: string;
  readonly cost: number;
}

function programOf(agreement: AgreementName, width: number): Program {
  return unwrap(
    compile({
      schema: feedSchema,
      stages,
      terms: {
        channels: { key: agreement === 'keyed' ? { repeats: '/person' } : 'drop', timestamp: 'keep' },
        rules: [
          { stage: 'filter', at: [], with: { where: `cost >= ${costMin[agreement]}.0` }, else: 'refuse' },
          { stage: 'keep', at: ['/seq'], with: {}, else: 'refuse' },
          { stage: 'pseudonymize', at: ['/person'], with: { length: 32, pattern: '[0-9]{6}' }, else: 'refuse' },
          { stage: 'mask', at: ['/owner'], with: { first: 0, last: 0, width }, else: 'refuse' },
          { stage: 'keep', at: ['/cost'], with: {}, else: 'refuse' },
          { stage: 'drop', at: ['/note'], with: {}, else: 'refuse' },
        ],
      },
    }),
  );
}

const programs = new Map<string, Program>();

/** The Program that a directive of this revision carries. */
export function programAt(agreement: AgreementName, revision: number): Program {
  const width = agreement === 'open' ? maskWidth(revision) : 4;
  const name = `${agreement}/${width}`;
  const known = programs.get(name) ?? programOf(agreement, width);
  programs.set(name, known);
  return known;
}

export function approvedAt(agreement: AgreementName, revision: number): Directive['programs'][number] {
  const { governedSchema, manifest, module, hash } = programAt(agreement, revision);
  return {
    writerSchemaId,
    writerSchema: feedSchema.text,
    governedSchemaId,
    governedSchema: governedSchema.text,
    manifest,
    module: Buffer.from(module ?? []).toString('base64'),
    programHash: hash,
    signature: '',
  };
}

const governedCodecs = new Map<AgreementName, ReturnType<typeof codecOf>>();

/** The visit in a governed value; undefined when it is none of this feed's. */
export function readGoverned(agreement: AgreementName, value: Uint8Array | null): GovernedVisit | undefined {
  if (value === null || value.length < 6 || Buffer.from(value).readUInt32BE(1) !== governedSchemaId) return undefined;
  const codec = governedCodecs.get(agreement) ?? codecOf(programAt(agreement, 1).governedSchema);
  governedCodecs.set(agreement, codec);
  const decoded = codec.decode(value.subarray(5));
  return decoded.ok ? withNumber(decoded.value as GovernedVisit) : undefined;
}

/** A long is decoded as a bigint. */
const withNumber = <V extends { readonly seq: number }>(visit: V): V => ({ ...visit, seq: Number(visit.seq) });

/** The partition of a key: any stable choice does, the producers always name it. */
export const partitionOf = (key: string, partitions: number): number =>
  createHash('sha256').update(key).digest().readUInt32BE(0) % partitions;
