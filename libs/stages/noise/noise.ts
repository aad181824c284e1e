/** Adds noise to numbers, so that one value says little about whom it is of while sums and means stay close. */
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { AtLeast, PlannedField, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { keyLabel, keyOf } from '../keys.ts';
import { dateUnit, numberKind, refusal } from '../planning.ts';
import { noiseSource } from './noise-source.ts';

const stage = 'noise';

const config = z
  .strictObject({
    epsilon: z
      .number()
      .min(0.001)
      .max(100)
      .describe('How much one value may tell: the smaller, the more noise. 1 is usual, above 10 is little protection'),
    low: z.number().describe('Values below are taken for this, and so are results; without bounds there is no privacy'),
    high: z.number().describe('Values above are taken for this, and so are results'),
    sensitivity: z
      .number()
      .positive()
      .optional()
      .describe(
        'How far apart two values may be that are not to be told apart; left out, high less low, which hides every value',
      ),
  })
  .refine(({ low, high }) => low < high, { path: ['high'], message: 'high must be above low' });
type NoiseConfig = z.infer<typeof config>;

/** The step of the grid is at most so small a part of the scale (sensitivity by epsilon), and of the sensitivity. */
const stepsPerScale = 1024;
const stepsPerSensitivity = 16;
/** Beyond it a count of steps is no exact number any more. */
const stepsMax = 2 ** 52;

/**
 * The two-sided geometric distribution on a grid (the discrete Laplace distribution), P(k) proportional to exp(-epsilon |k| / sensitivity). The
 * step of the grid is a power of two, for whole numbers 1 at least: the value is rounded to the grid first and the noise is a whole number of
 * steps, so that no low bit of a result depends on the value's own, which is how floating-point Laplace noise has been undone. Rounding may
 * put two values one step further apart; the sensitivity counts that step. What a uniform draw of 53 bits cannot tell apart lies in tails
 * whose probability is below 2^-36; there the guarantee fails.
 * The draw is a keyed function of partition, offset, path and occurrence, so a record that is governed again gets the same noise.
 * Sources: Ghosh, Roughgarden, Sundararajan 2009 (geometric mechanism); Mironov 2012 (attack by low bits); GB/T 37964-2019, noise addition.
 */
export const noise = defineFieldStage<NoiseConfig>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Adds Laplace noise to fractional numbers and two-sided geometric noise to whole ones, within bounds.',
  facts: {
    reversible: 'with the key and the place of the record, but for what the bounds cut off; without them no',
    bias: 'none for means of values well within the bounds; near a bound results lean inward; variances are high by twice the squared scale',
    informationLoss: 'the value within some scales (sensitivity by epsilon); epsilons of records of one person add up',
    cost: 'some microseconds: one hash on the host',
  },
  config,
  plan(field, settings) {
    const { epsilon, low, high, sensitivity } = settings;
    const kind = dateUnit(field.type) === undefined ? numberKind(field.type) : undefined;
    if (kind === undefined) return refusal(stage, field, 'it needs a number; dates have date-shift');
    const whole = kind === 'int' || kind === 'long';
    const grid = gridOf(field, settings, whole);
    if (!grid.ok) return grid;
    return ok({
      action: {
        kind: 'transform',
        result: { kind: kind === 'float' ? 'double' : kind },
        width: 'result',
        keyLabel: keyLabel(stage, field),
        lower: { op: 'host' },
        reference: (need) => noisy(kind, grid.value, noiseSource(keyOf(stage, need), field.path, grid.value.decay)),
      },
      decision: {
        happens: `cut to ${low}..${high}, then noise of epsilon ${epsilon} for values up to ${sensitivity ?? high - low} apart, on a grid of ${grid.value.step}`,
        reversible: 'with the key',
        informationLost: 'the exact value; each record spends its epsilon anew, also one that the feed carries twice',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, randomization (noise addition)',
      },
    });
  },
  atLeast: (mine, { own }, field) => (own === undefined ? 'incomparable' : againstNoise(mine, own, field)),
});

/**
 * Of two geometric mechanisms on one grid, with the same bounds, the one of less epsilon is what the other one becomes by noise that is added to its
 * results: whoever has those could have made these. So it is where grid and bounds are equal and the decay is no quicker; otherwise nothing is said.
 * Source: Gupte, Sundararajan 2010, "Universally optimal privacy mechanisms for minimax agents".
 */
function againstNoise(mine: NoiseConfig, own: NoiseConfig, field: PlannedField): AtLeast {
  const whole = field.type.kind === 'int' || field.type.kind === 'long';
  const [grid, other] = [gridOf(field, mine, whole), gridOf(field, own, whole)];
  if (!grid.ok || !other.ok) return 'incomparable';
  const sameGrid =
    grid.value.step === other.value.step && grid.value.low === other.value.low && grid.value.high === other.value.high;
  if (!sameGrid) return 'incomparable';
  return grid.value.decay <= other.value.decay ? 'yes' : 'no';
}

/** Where results lie: multiples of `step`, by their counts. */
interface Grid {
  readonly step: number;
  readonly low: number;
  readonly high: number;
  /** exp(-epsilon / sensitivity in steps), as the exponent. */
  readonly decay: number;
}

function gridOf(
  field: PlannedField,
  { epsilon, low, high, sensitivity = high - low }: NoiseConfig,
  whole: boolean,
): Result<Grid> {
  const inType = field.type.kind !== 'int' || (low >= -0x8000_0000 && high <= 0x7fff_ffff);
  if (whole && !([low, high, sensitivity].every(Number.isSafeInteger) && inType))
    return refusal(stage, field, 'bounds and sensitivity are whole numbers that the type can hold');
  const finest = 2 ** Math.floor(Math.log2(Math.min(sensitivity / epsilon / stepsPerScale, sensitivity / stepsPerSensitivity)));
  const step = whole ? Math.max(1, finest) : finest;
  const apart = whole && step === 1 ? sensitivity : Math.floor(sensitivity / step) + 1;
  const grid = { step, low: Math.ceil(low / step), high: Math.floor(high / step), decay: epsilon / apart };
  // Written so that a step that is no number is refused as well.
  if (!(step > 0 && grid.low <= grid.high && Math.max(-grid.low, grid.high) <= stepsMax))
    return refusal(stage, field, 'the bounds are too far apart, or too close, for noise of this scale');
  return ok(grid);
}

function noisy(
  kind: 'int' | 'long' | 'float' | 'double',
  { step, low, high }: Grid,
  draw: ReturnType<typeof noiseSource>,
): Reference {
  const within = (steps: number): number => Math.max(low, Math.min(high, steps));
  return (value, at) => {
    if (kind === 'long') {
      if (typeof value !== 'bigint') return unfit;
      return BigInt(within(within(Math.round(Number(value) / step)) + draw(at)) * step);
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) return unfit;
    // Adding zero makes of minus zero the zero that it is.
    return within(within(Math.round(value / step)) + draw(at)) * step + 0;
  };
}
