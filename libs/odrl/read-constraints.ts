/** Reads the constraints of a permission: each a condition that something enforces, all of them together the terms of use. */
import { z } from 'zod';
import type { Result } from '../base/index.ts';
import { fail, nameFault, ok } from '../base/index.ts';
import { pointerTo } from './check-shape.ts';
import { durationBounds } from './duration.ts';
import type { Enforcer } from './enforcers.ts';
import { constraintEnforcers, enforcedInstead } from './enforcers.ts';
import type { Constraint, UsageTerms } from './terms.ts';

/** A constraint as it is written, before anything is known of its operand. */
export const writtenConstraint = z.strictObject({
  leftOperand: z.string().max(64),
  operator: z.string().max(32),
  rightOperand: z.union([z.string().max(512), z.number(), z.array(z.string().max(64)).min(1).max(64)]),
});
type Written = z.infer<typeof writtenConstraint>;

export type UsageLimits = Omit<UsageTerms, 'mayRedistribute' | 'duties'>;

const name = z
  .string()
  .min(1)
  .max(64)
  .refine((text) => nameFault(text) === null && !/\s/.test(text), 'a name without white space, in one script, is expected');
const sector = z.string().regex(/^[A-T]$/, 'a section letter of GB/T 4754-2017 is expected, A to T');
const region = z
  .string()
  .regex(
    /^(?:CN(?:-[0-9]{2}(?:[0-9]{2}){0,2})?|(?!CN)[A-Z]{2}(?:-[A-Z0-9]{1,3})?)$/,
    'a region such as CN-33, CN-330108 or SG is expected',
  );
const distinct = <T extends z.ZodType<string>>(item: T) =>
  z
    .array(item)
    .min(1)
    .refine((items) => new Set(items).size === items.length, 'an item is named twice')
    .transform((items) => [...items].sort());
const moment = z.iso
  .datetime({ offset: true, error: 'a time of RFC 3339 with its offset is expected' })
  .transform((text) => Date.parse(text));
const duration = z.string().refine((text) => durationBounds(text) !== null, 'an ISO 8601 duration such as P90D is expected');
const count = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** How a right operand is read, and what it sets, by left operand and operator as the table of enforcers has them. */
const readers: Readonly<Record<string, z.ZodType<Partial<UsageLimits>>>> = {
  'purpose eq': name.transform((purpose) => ({ purposes: [purpose] })),
  'purpose isAnyOf': distinct(name).transform((purposes) => ({ purposes })),
  'recipient eq': z.string().transform(() => ({})),
  'industry isAnyOf': distinct(sector).transform((sectors) => ({ sectors })),
  'spatial isAnyOf': distinct(region).transform((regions) => ({ regions })),
  'dateTime gteq': moment.transform((startsAtMs) => ({ startsAtMs })),
  'dateTime lt': moment.transform((endsAtMs) => ({ endsAtMs })),
  'elapsedTime lteq': duration.transform((retention) => ({ retention })),
  'sluice:recordsPerSecond lteq': count.transform((recordsPerSecondMax) => ({ recordsPerSecondMax })),
  'sluice:bytesPerSecond lteq': count.transform((bytesPerSecondMax) => ({ bytesPerSecondMax })),
  'sluice:records lteq': count.transform((recordsMax) => ({ recordsMax })),
};

const unlimited: UsageLimits = {
  purposes: null,
  sectors: null,
  regions: null,
  startsAtMs: null,
  endsAtMs: null,
  retention: null,
  recordsPerSecondMax: null,
  bytesPerSecondMax: null,
  recordsMax: null,
};

/** Fails with `policy-unenforceable` for what nothing of `enforcers` enforces and with `policy-invalid` for a value that is none, at the pointer. */
export function readConstraints(
  written: readonly Written[],
  at: string,
  enforcers: ReadonlySet<Enforcer>,
): Result<{ readonly constraints: readonly Constraint[]; readonly limits: UsageLimits }> {
  const constraints: Constraint[] = [];
  const limits: { -readonly [Name in keyof UsageLimits]: UsageLimits[Name] } = { ...unlimited };
  const seen = new Set<string>();
  for (const [index, { leftOperand, operator, rightOperand }] of written.entries()) {
    const here = pointerTo(at, index);
    const enforcedBy = enforcerOf(leftOperand, operator);
    if (enforcedBy === undefined || !enforcers.has(enforcedBy)) {
      const instead = Object.hasOwn(enforcedInstead, leftOperand) ? `; ${enforcedInstead[leftOperand]}` : '';
      return fail(
        'policy-unenforceable',
        `parsing policy: ${here}: nothing enforces ${leftOperand.slice(0, 64)} ${operator.slice(0, 32)}${instead}`,
        here,
      );
    }
    const kind = `${leftOperand} ${operator}`;
    const sort = leftOperand === 'dateTime' ? kind : leftOperand;
    if (seen.has(sort)) return fail('policy-invalid', `parsing policy: ${here}: an earlier constraint is about the same`, here);
    seen.add(sort);
    const read = readers[kind]?.safeParse(rightOperand);
    if (read?.success !== true) {
      const why = read?.error.issues[0]?.message ?? 'malformed';
      return fail('policy-invalid', `parsing policy: ${here}/rightOperand: ${why}`, `${here}/rightOperand`);
    }
    Object.assign(limits, read.data);
    constraints.push({ leftOperand, operator, rightOperand, enforcedBy });
  }
  const { startsAtMs, endsAtMs } = limits;
  if (startsAtMs !== null && endsAtMs !== null && startsAtMs >= endsAtMs)
    return fail('policy-invalid', `parsing policy: ${at}: the period ends before it starts`, at);
  return ok({ constraints, limits });
}

/** Own members alone: a hostile operand must not reach what every object has. */
function enforcerOf(leftOperand: string, operator: string): Enforcer | undefined {
  const operators = Object.hasOwn(constraintEnforcers, leftOperand) ? constraintEnforcers[leftOperand] : undefined;
  return operators !== undefined && Object.hasOwn(operators, operator) ? operators[operator] : undefined;
}
