/** Workload W2: a wide record of 60 fields and about 800 bytes, of which three are governed and the rest is copied. */
import { randomAt } from '../../deploy/local/demo/feeds/random.ts';
import type { Random } from '../../deploy/local/demo/feeds/random.ts';
import type { StageRule } from '../../libs/odrl/index.ts';

interface WideField {
  readonly name: string;
  readonly type: unknown;
  readonly default?: null;
  readonly draw: (random: Random, index: number) => unknown;
}

const words = [
  '滨江区',
  '质量合格',
  'batch',
  'inspection',
  '一号生产线',
  'normal',
  '已复核',
  'warehouse',
  '冷链运输',
  'northwest',
];
const wordsOf = (random: Random, most: number): string =>
  Array.from({ length: 1 + random.below(most) }, () => random.pick(words)).join(' ');

const phone: WideField = { name: 'phone', type: 'string', draw: (random) => `13${random.digits(9)}` };
const remark: WideField = { name: 'remark', type: 'string', draw: (random) => wordsOf(random, 6) };
const weight: WideField = { name: 'weight', type: 'int', draw: (random) => random.below(5_000) };

const several = (count: number, make: (number: number) => WideField): WideField[] =>
  Array.from({ length: count }, (_, index) => make(index));
const numbered = (letter: string, number: number): string => `${letter}${String(number).padStart(2, '0')}`;

const fields: readonly WideField[] = [
  { name: 'id', type: 'string', draw: (random) => random.digits(18) },
  ...several(16, (number) => ({ name: numbered('text', number), type: 'string', draw: (random) => wordsOf(random, 4) })),
  phone,
  ...several(9, (number) => ({ name: numbered('count', number), type: 'int', draw: (random) => random.below(20_000) - 100 })),
  weight,
  ...several(6, (number) => ({ name: numbered('total', number), type: 'long', draw: (random) => random.next() * 1_000 })),
  ...several(8, (number) => ({
    name: numbered('level', number),
    type: 'double',
    draw: (random) => random.below(1_000_000) / 64,
  })),
  ...several(3, (number) => ({ name: numbered('flag', number), type: 'boolean', draw: (random) => random.chance(0.5) })),
  remark,
  ...several(8, (number) => ({
    name: numbered('maybe', number),
    type: ['null', 'string'],
    default: null,
    draw: (random) => (random.chance(0.4) ? null : wordsOf(random, 3)),
  })),
  ...several(2, (number) => ({
    name: numbered('perhaps', number),
    type: ['null', 'double'],
    default: null,
    draw: (random) => (random.chance(0.5) ? null : random.below(1_000) / 8),
  })),
  {
    name: 'state',
    type: { type: 'enum', name: 'State', symbols: ['open', 'held', 'closed'] },
    draw: (random) => random.pick(['open', 'held', 'closed']),
  },
  {
    name: 'place',
    type: {
      type: 'record',
      name: 'Place',
      fields: [
        { name: 'city', type: 'string' },
        { name: 'zone', type: 'int' },
        { name: 'east', type: 'double' },
        { name: 'north', type: 'double' },
      ],
    },
    draw: (random) => ({
      city: random.pick(words),
      zone: random.below(90),
      east: random.below(900) / 8,
      north: random.below(900) / 8,
    }),
  },
  {
    name: 'labels',
    type: { type: 'array', items: 'string' },
    draw: (random) => Array.from({ length: random.below(4) }, () => random.pick(words)),
  },
  {
    name: 'seenAt',
    type: { type: 'long', logicalType: 'timestamp-millis' },
    draw: (_random, index) => 1_767_600_000_000 + index * 40,
  },
];

export const wideSchemaText = JSON.stringify({
  type: 'record',
  name: 'Wide',
  namespace: 'sluice.bench',
  fields: fields.map(({ name, type, ...rest }) => ({ name, type, ...('default' in rest ? { default: null } : {}) })),
});

export const wideRules: readonly StageRule[] = [
  { stage: 'mask', at: ['/phone'], with: { first: 3, last: 4, width: 4 }, else: 'refuse' },
  { stage: 'drop', at: ['/remark'], with: {}, else: 'refuse' },
  { stage: 'band', at: ['/weight'], with: { width: 10 }, else: 'refuse' },
  {
    stage: 'keep',
    at: fields.filter((field) => ![phone, remark, weight].includes(field)).map(({ name }) => `/${name}`),
    with: {},
    else: 'refuse',
  },
];

/** The record at an index as plain JSON; it depends on the index only. */
export function wideRecord(index: number): Record<string, unknown> {
  const random = randomAt(20_260_105, index);
  return Object.fromEntries(fields.map(({ name, draw }) => [name, draw(random, index)]));
}
