/** Moves the dates of a person by some days, the same for all of them, so that the time between two of them stays. */
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { keyOf } from '../keys.ts';
import type { DateUnit } from '../planning.ts';
import { dateUnit, refusal } from '../planning.ts';

const stage = 'date-shift';

const config = z.strictObject({
  subject: z
    .string()
    .max(512)
    .regex(/^(?:\/[A-Za-z_][A-Za-z0-9_]*)+$/, 'a field path such as /patientId is expected')
    .describe('Path of the text field that says whose date it is; its raw value decides the days'),
  days: z.int().min(1).max(3650).describe('Most days either way; whole days, never zero'),
});

/**
 * The days are a keyed function of the subject: HMAC-SHA256 of its UTF-8 text, the first 64 bits modulo 2 * days. The key belongs to the
 * subject's field and not to the date's, so all dates of a person in one agreement that allow as many days move together. A record without a
 * subject (null or empty), and a result outside of the type, do not fit. Source: GB/T 37964-2019, randomization; NISTIR 8053, section 4.3.
 */
export const dateShift = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Moves dates and timestamps by a number of days that is one for each person.',
  facts: {
    reversible: 'with the key and the subject; one known true date of a person shows all of them',
    bias: 'none for the time between two dates of a person; seasons and weekdays blur',
    informationLoss: 'where in time, within the days; the order between persons',
    cost: 'some microseconds: one hash on the host',
  },
  config,
  plan(field, { subject, days }) {
    const unit = dateUnit(field.type);
    if (unit === undefined) return refusal(stage, field, 'it needs a date or a timestamp');
    if (subject === field.path) return refusal(stage, field, 'a date is not its own subject');
    return ok({
      action: {
        kind: 'transform',
        result: field.type,
        width: 'result',
        keyLabel: `${stage}${subject}`,
        subject,
        lower: { op: 'host' },
        reference: (need) => shifted(keyOf(stage, need), unit, days),
      },
      decision: {
        happens: `moved by 1 to ${days} days either way, the same for all dates of one ${subject}`,
        reversible: 'with the key',
        informationLost: `the true date within ${days} days; the time of day and the time between two dates stay`,
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, randomization',
      },
    });
  },
  // Shifts by other days, or of another subject, are other numbers: neither follows from the other.
  atLeast: (mine, { own }) => (own?.subject === mine.subject && own.days === mine.days ? 'yes' : 'incomparable'),
});

const perDay: Readonly<Record<DateUnit, bigint>> = { days: 1n, millis: 86_400_000n, micros: 86_400_000_000n };

function shifted(key: Uint8Array, unit: DateUnit, days: number): Reference {
  const secret = createSecretKey(key);
  return (value, { subject }) => {
    if (typeof subject !== 'string' || subject === '') return unfit;
    const drawn = Number(createHmac('sha256', secret).update(subject, 'utf8').digest().readBigUInt64BE() % BigInt(2 * days));
    const offset = drawn < days ? drawn - days : drawn - days + 1;
    if (unit === 'days') {
      const result = typeof value === 'number' ? value + offset : Number.NaN;
      // Only a 32-bit integer is its own bitwise form.
      return result === (result | 0) ? result : unfit;
    }
    if (typeof value !== 'bigint') return unfit;
    const result = value + BigInt(offset) * perDay[unit];
    return BigInt.asIntN(64, result) === result ? result : unfit;
  };
}
