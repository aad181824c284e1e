/** Masks the middle of a text by code point. */
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import type { AtLeast } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';

const config = z.strictObject({
  first: z.int().min(0).max(64).default(0).describe('Code points kept at the start'),
  last: z.int().min(0).max(64).default(0).describe('Code points kept at the end'),
  symbol: z
    .string()
    .refine((text) => [...text].length === 1, 'one code point is expected')
    .default('*')
    .describe('The code point written in place of each one hidden'),
  width: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Symbols written, whatever the length was; left out, one for each hidden code point'),
});
type MaskConfig = z.infer<typeof config>;

/**
 * Keeps the first `first` and last `last` code points of a text and replaces what is between with `width` symbols, or with one symbol for
 * each hidden code point. A text of `first + last` code points or fewer is replaced entirely: a short name must not survive unmasked.
 * Source: GB/T 37964-2019, suppression (masking).
 */
export const mask = defineFieldStage<MaskConfig>({
  name: 'mask',
  version: 1,
  scope: 'field',
  summary: 'Keeps the first and last code points of a text and hides what is between.',
  facts: {
    reversible: 'no: the hidden characters are gone',
    bias: 'exact counts by what is kept; the rest is gone',
    informationLoss: 'the hidden characters; the length leaks unless a width is set',
    cost: 'tens of nanoseconds; inside the walk',
  },
  config,
  plan(field, settings) {
    if (field.type.kind !== 'string')
      return fail('plan-invalid', `mask needs a text, and this is ${field.type.kind}`, field.path);
    return ok({
      action: {
        kind: 'transform',
        result: { kind: 'string' },
        width: 'input',
        lower: { op: 'mask', ...withoutUndefined(settings) },
        reference: () => maskText(settings),
      },
      decision: {
        happens: `first ${settings.first} and last ${settings.last} characters kept, the rest ${settings.symbol}`,
        reversible: 'no',
        informationLost: 'the hidden characters',
        lengthLeaked: settings.width === undefined,
        clause: 'GB/T 37964-2019, suppression',
      },
    });
  },
  atLeast(mine, { own, stage, config: other }) {
    if (mine.width !== undefined && mine.first + mine.last === 0) return 'yes';
    if (own !== undefined) return againstMask(mine, own);
    return stage === 'prefix' ? againstPrefix(mine, other) : 'incomparable';
  },
});

/**
 * To show less at an end is not to show less: of a text of six characters a mask that keeps three and four shows nothing, one that keeps one and none
 * its first. So both show the same ends, or this one none; and the length only where the other one does.
 */
function againstMask(mine: MaskConfig, own: MaskConfig): AtLeast {
  if (own.width !== undefined && mine.width === undefined) return 'no';
  const sameEnds = mine.first === own.first && mine.last === own.last;
  return sameEnds || mine.first + mine.last === 0 ? 'yes' : 'no';
}

const prefixConfig = z.object({ first: z.int() });

/** A prefix longer than what is kept tells whether the text is longer than that, and no more of its length. */
function againstPrefix({ first, last, width }: MaskConfig, other: unknown): AtLeast {
  const { success, data } = prefixConfig.safeParse(other);
  return success && last === 0 && width !== undefined && first < data.first ? 'yes' : 'no';
}

/** `width` is left out where it is not set. */
function withoutUndefined({ width, ...rest }: MaskConfig): Omit<MaskConfig, 'width'> & { width?: number } {
  return width === undefined ? rest : { ...rest, width };
}

const maskText =
  ({ first, last, symbol, width }: MaskConfig) =>
  (value: unknown): unknown => {
    if (typeof value !== 'string') return unfit;
    const points = [...value];
    if (points.length <= first + last) return symbol.repeat(width ?? points.length);
    const hidden = symbol.repeat(width ?? points.length - first - last);
    return points.slice(0, first).join('') + hidden + points.slice(points.length - last).join('');
  };
