/** Replaces a term by a broader one, up a hierarchy that the policy spells out. */
import { z } from 'zod';
import { canonicalJson, fail, ok } from '../../base/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { refusal, text } from '../planning.ts';

const stage = 'dictionary';
const entriesMax = 5_000;
const term = z.string().max(256);

const config = z.strictObject({
  levels: z
    .record(term, term)
    .refine(
      (levels) => Object.keys(levels).length > 0 && Object.keys(levels).length <= entriesMax,
      `1 to ${entriesMax} terms are expected`,
    )
    .describe(`Each term and the one above it, at most ${entriesMax}; a term above others that has none above itself is the top`),
  level: z.int().min(1).max(16).default(1).describe('How many steps up; who reaches the top stays there'),
  prefix: z
    .boolean()
    .default(false)
    .describe('Whether a term that is not listed is taken for its longest listed beginning, as J18.9 for J18 in ICD-10'),
});

/**
 * A term that is not listed does not fit, unless `prefix` finds a listed beginning of it; its own step up is then the first. Circles are
 * refused, but a term above itself is a top that may be an input as well. Source: GB/T 37964-2019, generalization.
 */
export const dictionary = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a term by the broader one above it, from a hierarchy in the policy.',
  facts: {
    reversible: 'no, unless a broader term has one term below it alone',
    bias: 'none for counts by the broader terms',
    informationLoss: 'which of the terms below it was',
    cost: 'a fraction of a microsecond: a look-up on the host',
  },
  config,
  plan(field, { levels, level, prefix }) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    const above = new Map(Object.entries(levels));
    const circle = firstCircle(above);
    if (circle !== undefined)
      return fail('plan-invalid', `${stage}: levels: ${circle.slice(0, 80)} is above itself by way of others`, field.path);
    const broader = new Map([...above.keys()].map((name) => [name, climbed(above, name, level)]));
    const longest = Math.max(...[...above.keys()].map((name) => name.length));
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'result',
        lower: { op: 'host' },
        reference: () => (value) =>
          (typeof value === 'string'
            ? (broader.get(value) ?? (prefix ? byBeginning(broader, value, longest) : undefined))
            : undefined) ?? unfit,
      },
      decision: {
        happens: `replaced by the term ${level} ${level === 1 ? 'step' : 'steps'} above it, of ${above.size} that the policy lists`,
        reversible: 'no',
        informationLost: 'which of the terms below it was',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization',
      },
    });
  },
  atLeast(mine, { own }) {
    const sameTree = own?.prefix === mine.prefix && canonicalJson(mine.levels) === canonicalJson(own.levels);
    if (!sameTree) return 'incomparable';
    return mine.level >= own.level ? 'yes' : 'no';
  },
});

function climbed(above: ReadonlyMap<string, string>, from: string, steps: number): string {
  let name = from;
  for (let step = 0; step < steps; step += 1) name = above.get(name) ?? name;
  return name;
}

function byBeginning(broader: ReadonlyMap<string, string>, value: string, longest: number): string | undefined {
  for (let length = Math.min(longest, value.length - 1); length > 0; length -= 1) {
    const found = broader.get(value.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A term from which the way up leads back to it through another. */
function firstCircle(above: ReadonlyMap<string, string>): string | undefined {
  const sound = new Set<string>();
  for (const start of above.keys()) {
    const way = new Set<string>();
    for (let name: string | undefined = start; name !== undefined && !sound.has(name); ) {
      if (way.has(name)) return name;
      way.add(name);
      const next = above.get(name);
      name = next === name ? undefined : next;
    }
    for (const name of way) sound.add(name);
  }
  return undefined;
}
