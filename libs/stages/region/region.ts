/** Coarsens where something is: a division code or an address, cut to its province, city, district or street. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { divisionCodeIsWellFormed } from '../../identifiers/index.ts';
import { refusal, text } from '../planning.ts';
import type { AddressLevel } from './address.ts';
import { addressTo } from './address.ts';

const stage = 'region';

const config = z
  .strictObject({
    of: z
      .enum(['code', 'address'])
      .default('code')
      .describe('What the text is: a code of six digits (GB/T 2260), or an address in Chinese'),
    to: z.enum(['province', 'city', 'district', 'street']).describe('What is kept; a code has no street'),
    as: z
      .enum(['code', 'padded'])
      .default('code')
      .describe('For a code: its first 2, 4 or 6 digits, or those with zeros behind up to six'),
    provinceless: z
      .boolean()
      .default(false)
      .describe(
        'Whether an address may begin with its city; then some text before the first 市 may be taken for a city that is none',
      ),
  })
  .refine(({ of, to }) => of === 'address' || to !== 'street', { path: ['to'], message: 'a code has no street' })
  .refine(({ of, as }) => of === 'code' || as === 'code', { path: ['as'], message: 'only a code is padded' })
  .refine(({ of, provinceless }) => of === 'address' || !provinceless, {
    path: ['provinceless'],
    message: 'it is for addresses',
  });

const codeDigits = { province: 2, city: 4, district: 6, street: 6 } as const;

/**
 * A code whose first two digits are no province does not fit, nor an address without the part that is asked for. An address is read from its
 * beginning and cut behind 省, 市, 区, 县, 旗, 街道, 镇 or 乡 (`address.ts` has the rules); its province has to be written in full,
 * unless the policy lets it be left out. Source: GB/T 2260-2007; GB/T 37964-2019, generalization.
 */
export const region = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Cuts a division code or a Chinese address to its province, city, district or street.',
  facts: {
    reversible: 'no: what is finer is gone',
    bias: 'none for counts by the level that is kept; addresses that cannot be read are missing from them',
    informationLoss: 'everything finer than the level; a sparse district may still single somebody out',
    cost: 'a microsecond or two: text on the host',
  },
  config,
  plan(field, { of, to, as, provinceless }) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'result',
        lower: { op: 'host' },
        reference: () => (of === 'code' ? codeTo(codeDigits[to], as === 'padded') : addressText(to, provinceless)),
      },
      decision: {
        happens: of === 'code' ? `division code cut to its ${to}` : `address cut behind its ${to}`,
        reversible: 'no',
        informationLost: `everything finer than the ${to}`,
        // The length of a name of a place is the place's.
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization; GB/T 2260-2007',
      },
    });
  },
  atLeast(mine, { own }) {
    if (own === undefined || mine.of !== own.of) return 'incomparable';
    if (mine.of === 'code') return codeDigits[mine.to] <= codeDigits[own.to] ? 'yes' : 'no';
    // An address whose finer part cannot be read is refused there, and would leave with its coarser part here.
    return mine.to === own.to && mine.provinceless === own.provinceless ? 'yes' : 'incomparable';
  },
});

const codeTo =
  (digits: number, padded: boolean): Reference =>
  (value) => {
    if (typeof value !== 'string' || !divisionCodeIsWellFormed(value)) return unfit;
    const kept = value.slice(0, digits);
    return padded ? kept.padEnd(6, '0') : kept;
  };

const addressText =
  (to: AddressLevel, provinceless: boolean): Reference =>
  (value) =>
    (typeof value === 'string' ? addressTo(value, to, provinceless) : null) ?? unfit;
