/** What was delivered under an agreement, in all and by day, for its parties, operators and auditors. */
import type { MeterDay, MeterTotal } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import { readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { findAgreement } from './find-agreement.ts';

interface MeterQuery {
  readonly agreement: string;
  /** Only days before this one: `2026-11-28`. */
  readonly before: string | null;
  readonly limit: number;
}

interface MeterReading {
  readonly total: MeterTotal;
  /** The newest first. */
  readonly days: readonly MeterDay[];
}

/** Fails with `not-found` for an agreement that the caller may not see. */
export async function readMeter(
  plane: ControlPlane,
  caller: Caller,
  { agreement, ...page }: MeterQuery,
): Promise<Result<MeterReading>> {
  const seen = await findAgreement(plane, caller, agreement);
  if (!seen.ok) return seen;
  return plane.database.asCaller(readerOf(caller), async ({ meters }) => {
    const total = await meters.total(agreement);
    if (!total.ok) return total;
    const days = await meters.days(agreement, page);
    return days.ok ? ok({ total: total.value, days: days.value }) : days;
  });
}
