/** Finds identifiers in free text and replaces each, leaving the rest of the text as it is. */
import { z } from 'zod';
import { canonicalJson, ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { refusal, text } from '../planning.ts';
import { finderOf } from './find-identifiers.ts';
import type { Finding } from './identifier-kinds.ts';
import { identifierKinds, labels } from './identifier-kinds.ts';

const stage = 'scrub';

/** Above it a value does not fit: a limit is never a reason to let a text pass unread. */
const unitsMax = 1_000_000;

const config = z
  .strictObject({
    kinds: z
      .array(z.enum(identifierKinds))
      .min(1)
      .default([...identifierKinds])
      .describe(`What is looked for, of ${identifierKinds.join(', ')}`),
    as: z
      .enum(['label', 'mask'])
      .default('label')
      .describe('What stands in its place: the name of its kind, such as [身份证], or a symbol for each of its characters'),
    symbol: z
      .string()
      .refine((symbol) => [...symbol].length === 1, 'one code point is expected')
      .optional()
      .describe('The code point of a mask; left out, *'),
  })
  .refine(({ as, symbol }) => as === 'mask' || symbol === undefined, { path: ['symbol'], message: 'only a mask has a symbol' });
type ScrubConfig = z.infer<typeof config>;

/**
 * Replaces what looks like an identifier: by shape and check digit for numbers, by scored words around it for names and addresses. Full-width
 * letters and digits count as ASCII ones. A resident id, bank card or credit code whose check digit does not fit is replaced only where the text
 * says right before it what it is. A text of more than a million UTF-16 units does not fit. It misses some: `docs/scrub.md` has the figures.
 * Source: GB 11643, GB 32100, ISO/IEC 7812-1, GA 36, RFC 5321, RFC 4291; GB/T 37964-2019, suppression.
 */
export const scrub = defineFieldStage<ScrubConfig>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Finds identifiers, names and addresses in free text and replaces each by a label or a mask.',
  facts: {
    reversible: 'no: what is found is not there',
    bias: 'none for what is left; the words of a text that are taken for a name by mistake are missing from it',
    informationLoss: 'what is found; what is missed passes, so the text stays personal data',
    cost: 'by length, tens of nanoseconds a character: text on the host',
  },
  config,
  plan(field, settings) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    const all = settings.kinds.length === identifierKinds.length ? 'every kind' : settings.kinds.join(', ');
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'result',
        lower: { op: 'host' },
        reference: () => scrubText(settings),
      },
      decision: {
        happens: `identifiers in the text (${all}) replaced by ${settings.as === 'label' ? 'the label of their kind' : `${settings.symbol ?? '*'} for each character`}; some are missed`,
        reversible: 'no',
        informationLost: 'the identifiers that are found',
        lengthLeaked: settings.as === 'mask',
        clause: 'GB/T 37964-2019, suppression',
      },
    });
  },
  // What is found of one kind may be in the way of what would be found of another: to look for more is not to leave less.
  atLeast: (mine, { own }) => (own !== undefined && lookOf(mine) === lookOf(own) ? 'yes' : 'incomparable'),
});

const lookOf = ({ kinds, as, symbol = '*' }: ScrubConfig): string => canonicalJson([[...new Set(kinds)].sort(), as, symbol]);

function scrubText({ kinds, as, symbol = '*' }: ScrubConfig): Reference {
  const replacement = (value: string, { kind, start, end }: Finding): string =>
    as === 'label' ? labels[kind] : symbol.repeat(Array.from(value.slice(start, end)).length);
  const find = finderOf(kinds);
  return (value) => {
    if (typeof value !== 'string' || value.length > unitsMax) return unfit;
    let scrubbed = '';
    let from = 0;
    for (const finding of find(value)) {
      scrubbed += value.slice(from, finding.start) + replacement(value, finding);
      from = finding.end;
    }
    return scrubbed + value.slice(from);
  };
}
