/**
 * The proof that a policy is at least as strict as its dataset's baseline: over the plans of a schema, and over the terms of use. What cannot be compared
 * is refused.
 */
import type { Result } from '../base/index.ts';
import { during, fail, ok } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import type { Stage } from '../govern/index.ts';
import { findLoosening } from '../govern/index.ts';
import type { PolicyTerms, UsageTerms } from '../odrl/index.ts';
import { isNoLonger } from '../odrl/index.ts';

export interface Tightening {
  /** The schema that the policy's rules are planned on. */
  readonly schema: AvroSchema;
  /** The writer's schema where it is another one, which may have tags that the other lacks. */
  readonly writer?: AvroSchema;
  readonly baseline: PolicyTerms;
  readonly policy: PolicyTerms;
  readonly stages: readonly Stage[];
}

/**
 * Fails with `policy-loosens`, with the field path or the JSON pointer and what both say; and as planning does where a rule of the baseline cannot be planned
 * on the schema.
 */
export function checkTightens({ baseline, policy, ...planned }: Tightening): Result<void> {
  const usage = looserUse(policy.usage, baseline.usage);
  if (usage !== null) return loosens(usage.at, usage.why);
  const loosening = findLoosening({ ...planned, baseline, agreement: policy });
  if (!loosening.ok) return during('comparing with the baseline', loosening.failure);
  const { value } = loosening;
  return value === null ? ok(undefined) : loosens(value.at, value.why);
}

const loosens = (at: string, why: string): Result<never> =>
  fail('policy-loosens', `comparing with the baseline: ${at}: ${why}`, at);

interface LooserUse {
  readonly at: string;
  readonly why: string;
}

const constraints = '/permission/0/constraint';

function looserUse(mine: UsageTerms, bound: UsageTerms): LooserUse | null {
  const all = [
    looserSet('purpose', mine.purposes, bound.purposes, (purpose, allowed) => purpose === allowed),
    looserSet('industry', mine.sectors, bound.sectors, (sector, allowed) => sector === allowed),
    looserSet('spatial', mine.regions, bound.regions, regionCovers),
    looserNumber('dateTime lt', mine.endsAtMs, bound.endsAtMs),
    looserStart(mine.startsAtMs, bound.startsAtMs),
    looserNumber('sluice:recordsPerSecond', mine.recordsPerSecondMax, bound.recordsPerSecondMax),
    looserNumber('sluice:bytesPerSecond', mine.bytesPerSecondMax, bound.bytesPerSecondMax),
    looserNumber('sluice:records', mine.recordsMax, bound.recordsMax),
    looserRetention(mine.retention, bound.retention),
    mine.mayRedistribute && !bound.mayRedistribute
      ? { at: '/prohibition', why: 'the baseline prohibits passing on, and the policy does not' }
      : null,
    looserDuties(mine, bound),
  ];
  return all.find((looser) => looser !== null) ?? null;
}

/** Whether a region, by its code, lies in another or is it. */
export const regionCovers = (region: string, allowed: string): boolean =>
  region === allowed ||
  (allowed.includes('-') ? allowed.startsWith('CN-') && region.startsWith(allowed) : region.startsWith(`${allowed}-`));

function looserSet(
  operand: string,
  mine: readonly string[] | null,
  bound: readonly string[] | null,
  covers: (item: string, allowed: string) => boolean,
): LooserUse | null {
  if (bound === null) return null;
  const allowed = bound.join(', ');
  if (mine === null) return { at: constraints, why: `no ${operand} is named, and the baseline allows ${allowed}` };
  const beyond = mine.find((item) => !bound.some((one) => covers(item, one)));
  return beyond === undefined
    ? null
    : { at: constraints, why: `${operand} ${beyond} is not one that the baseline allows: ${allowed}` };
}

function looserNumber(operand: string, mine: number | null, bound: number | null): LooserUse | null {
  if (bound === null || (mine !== null && mine <= bound)) return null;
  return {
    at: constraints,
    why: `${operand}: the policy ${mine === null ? 'sets no limit' : 'goes further'}, and the baseline has one`,
  };
}

const looserStart = (mine: number | null, bound: number | null): LooserUse | null =>
  bound === null || (mine !== null && mine >= bound)
    ? null
    : { at: constraints, why: 'dateTime gteq: the policy may start before the baseline does' };

const looserRetention = (mine: string | null, bound: string | null): LooserUse | null =>
  bound === null || (mine !== null && isNoLonger(mine, bound))
    ? null
    : { at: constraints, why: `elapsedTime: the policy lets records be kept ${mine ?? 'for ever'}, the baseline ${bound}` };

function looserDuties(mine: UsageTerms, bound: UsageTerms): LooserUse | null {
  const missing = bound.duties.find((duty) => !mine.duties.includes(duty));
  return missing === undefined
    ? null
    : { at: '/permission/0/duty', why: `the duty ${missing} of the baseline is not in the policy` };
}
