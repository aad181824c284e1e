/** Programs of compacted feeds, and a reader that keeps the last record of each key, for tests. */
import { createHash, createHmac } from 'node:crypto';
import type { OutRecord, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { codecOf } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile, deriveFieldKey } from '../../libs/govern/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import type { StageRule } from '../../libs/odrl/index.ts';
import { stages } from '../../libs/stages/index.ts';
import type { Patient } from './plane-fixture.ts';
import { programOf, visit } from './plane-fixture.ts';

const rule = (stage: string, at: readonly string[], config: StageRule['with'] = {}): StageRule => ({
  stage,
  at,
  with: config,
  else: 'refuse',
});

/**
 * `tokens`: the key repeats the id, which a token replaces; `keep`: the key stays, the id does not. Rows that are not `where` are withheld, and a
 * phone that is none is refused, unless it is lenient.
 */
export function compactedProgram(kind: 'tokens' | 'keep', { lenient = false, where = 'number >= 0' } = {}): Program {
  return unwrap(
    compile({
      schema: programOf('tokens').writerSchema,
      stages,
      compacted: true,
      terms: {
        channels: { key: kind === 'keep' ? 'keep' : { repeats: '/id' }, timestamp: 'keep' },
        rules: [
          rule('filter', [], { where }),
          kind === 'keep' ? rule('drop', ['/id']) : rule('pseudonymize', ['/id'], { length: 32, pattern: '[0-9]{6}' }),
          rule('keep', ['/number']),
          lenient ? rule('mask', ['/phone'], { first: 3, last: 4, width: 4 }) : rule('fpe', ['/phone'], { kind: 'phone' }),
        ],
      },
    }),
  );
}

export const keyOf = (id: number): string => String(id).padStart(6, '0');
export const keptBy = (id: number): Buffer => Buffer.from(keyOf(id));

/** A record of a key; without a number it is a delete. */
export const put = (id: number, number: number | null, phone = '13812345678'): OutRecord => ({
  key: keptBy(id),
  value: number === null ? null : visit(number, keyOf(id), phone),
});

/** The token of an id under an agreement, made by hand. Source: RFC 2104. */
export function tokenOf({ dataKey, dataset }: Directive, id: number): string {
  const key = deriveFieldKey(Buffer.from(dataKey?.wrapped ?? '', 'hex'), dataset, 'pseudonymize/id');
  return createHmac('sha256', key).update(keyOf(id)).digest('hex').slice(0, 32);
}

/** What is left of records once there is one of each key, as compaction and a reader's table have it: number by governed key. */
export function tableOf(program: Program, records: readonly ReadRecord[]): Map<string, number> {
  const codec = codecOf(program.governedSchema);
  const table = new Map<string, number>();
  for (const { key, value } of records) {
    const name = Buffer.from(key ?? []).toString();
    if (value === null) table.delete(name);
    else table.set(name, (unwrap(codec.decode(value.subarray(5))) as Patient).number);
  }
  return table;
}

/** The digests that a reader computes for these Receipts of one partition: each is about the next of its records, deletes included. */
export function digestsOf(receipts: readonly Receipt[], records: readonly ReadRecord[]): string[] {
  let from = 0;
  return receipts.map(({ passCount, reshapeCount, withholdCount }) => {
    const to = from + Number(passCount + reshapeCount + withholdCount);
    const hash = createHash('sha256');
    for (const { key, value } of records.slice(from, to))
      for (const part of [key, value]) {
        const length = Buffer.alloc(4);
        length.writeInt32BE(part?.length ?? -1);
        hash.update(length).update(part ?? new Uint8Array());
      }
    from = to;
    return hash.digest('hex');
  });
}
