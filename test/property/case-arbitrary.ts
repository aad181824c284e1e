/** A case: a schema, a policy, and records in the order of a batch, sound and damaged ones. */
import fc from 'fast-check';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import { compile } from '../../libs/govern/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { evolved } from './evolve-arbitrary.ts';
import { tagged } from './fields.ts';
import type { PolicyTerms } from './policy-arbitrary.ts';
import { policyFor } from './policy-arbitrary.ts';
import { schemaText } from './schema-arbitrary.ts';
import { bytesOf } from './value-arbitrary.ts';

const writerSchemaId = 77;

export interface CaseRecord {
  readonly key: Uint8Array | null;
  /** Framed, or null for a tombstone. */
  readonly value: Uint8Array | null;
  /** Whether the value is as its writer made it; bytes of a damaged one may have moved from one field to another. */
  readonly sound: boolean;
}

export interface Case {
  /** The contract. */
  readonly schema: AvroSchema;
  /** What the records are written with, where that is another schema. */
  readonly writer: AvroSchema | undefined;
  readonly terms: PolicyTerms;
  readonly records: readonly CaseRecord[];
  /** Fields whose texts leave no trace in the output. */
  readonly hidden: ReadonlySet<string>;
  [fc.toStringMethod]?: () => string;
}

/** Cases with so many records each; one whose policy does not compile has none. */
export function cases(recordsMax: number): fc.Arbitrary<Case> {
  return schemaText.chain((text) => {
    const schema = unwrap(parseSchema(text));
    const writers = fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: evolved(schema) });
    return fc.tuple(policyFor(schema), writers).chain(([terms, writer]) => {
      const hidden = hiddenPaths(schema, terms);
      const compiles = compile({
        schema,
        terms,
        stages,
        ...(writer === undefined ? {} : { writer }),
      }).ok;
      const records: fc.Arbitrary<CaseRecord[]> = compiles
        ? fc.array(recordOf(writer ?? schema, terms, hidden), {
            minLength: recordsMax,
            maxLength: recordsMax,
            size: 'max',
          })
        : fc.constant([]);
      return records.map((made) => ({
        schema,
        writer,
        terms,
        records: made,
        hidden,
        [fc.toStringMethod]: () => told(writer === undefined ? text : `${text}\nwriter ${writer.text}`, terms, made),
      }));
    });
  });
}

/** Rules that let nothing of a text through, whatever the text is. */
function hiddenPaths(schema: AvroSchema, { rules }: PolicyTerms): Set<string> {
  const hiding = rules.filter(({ stage }) =>
    ['constant', 'drop', 'null', 'pseudonymize', 'hash-bucket', 'tokenize'].includes(stage),
  );
  return new Set(
    hiding.flatMap(({ at }) => at.flatMap((path) => (path.startsWith('tag:') ? tagged(schema, path.slice(4)) : [path]))),
  );
}

function recordOf(schema: AvroSchema, { channels }: PolicyTerms, hidden: ReadonlySet<string>): fc.Arbitrary<CaseRecord> {
  const { key } = channels;
  return fc
    .tuple(bytesOf(schema.root, { hidden }), damage, fc.option(fc.uint8Array({ maxLength: 12 }), { freq: 6 }), fc.nat(9))
    .map(([sound, harm, otherKey, draw]) => {
      const body = harm(sound);
      const value = body === null ? null : frame(writerSchemaId, body);
      const repeated = typeof key === 'string' || draw === 0 ? undefined : textAt(schema, sound, key.repeats);
      return {
        key: repeated === undefined ? otherKey : Buffer.from(repeated),
        value,
        sound: body === sound,
      };
    });
}

type Harm = (bytes: Uint8Array) => Uint8Array | null;

/** What happens to the bytes on the way: mostly nothing. */
const damage: fc.Arbitrary<Harm> = fc.oneof(
  { weight: 70, arbitrary: fc.constant<Harm>((bytes) => bytes) },
  { weight: 1, arbitrary: fc.constant<Harm>(() => null) },
  {
    weight: 3,
    arbitrary: fc.nat(0xffff).map(
      (at): Harm =>
        (bytes) =>
          bytes.subarray(0, place(at, bytes.length)),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(0xffff), fc.integer({ min: 1, max: 255 })).map(
      ([at, flips]): Harm =>
        (bytes) => {
          const mutated = bytes.slice();
          const index = place(at, bytes.length);
          if (index < mutated.length) mutated[index] = (mutated[index] as number) ^ flips;
          return mutated;
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(0xffff), fc.uint8Array({ minLength: 1, maxLength: 10 })).map(
      ([at, more]): Harm =>
        (bytes) => {
          const index = place(at, bytes.length + 1);
          return new Uint8Array(Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]));
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map(
      (bytes): Harm =>
        () =>
          bytes,
    ),
  },
);

/** A place in so many bytes; 16 bits of the draw decide. */
const place = (draw: number, length: number): number => Math.floor((draw / 0x1_0000) * length);

function textAt(schema: AvroSchema, bytes: Uint8Array, path: string): string | undefined {
  let value: unknown = unwrap(codecOf(schema).decode(bytes));
  for (const name of path.split('/').slice(1)) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof value === 'string' ? value : undefined;
}

function told(text: string, terms: PolicyTerms, records: readonly CaseRecord[]): string {
  const hex = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : Buffer.from(bytes).toString('hex'));
  const shown = records.slice(0, 40).map(({ key, value }) => `  key ${hex(key)} value ${hex(value)}`);
  return [`schema ${text}`, `terms ${JSON.stringify(terms)}`, `${records.length} records:`, ...shown].join('\n');
}
