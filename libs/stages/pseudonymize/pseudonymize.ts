/** Replaces a text by a keyed token: the same text gives the same token within one agreement, and another in every other. */
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';

const config = z.strictObject({
  length: z.int().min(16).max(64).default(32).describe('Hexadecimal characters of the token; 32 are 128 bits'),
  pattern: z
    .string()
    .max(256)
    .optional()
    .describe('The whole value must match this regular expression; another value does not fit'),
});
type PseudonymizeConfig = z.infer<typeof config>;

/**
 * HMAC-SHA256 of the UTF-8 text under a key of the agreement and field, cut to `length` hexadecimal characters.
 * Source: RFC 2104, FIPS 180-4; GB/T 37964-2019, pseudonymization.
 */
export const pseudonymize = defineFieldStage<PseudonymizeConfig>({
  name: 'pseudonymize',
  version: 1,
  scope: 'field',
  summary: 'Replaces a text by a keyed token that only this agreement has.',
  config,
  plan(field, { length, pattern }) {
    if (field.type.kind !== 'string')
      return fail('plan-invalid', `pseudonymize needs a text, and this is ${field.type.kind}`, field.path);
    const shape = compilePattern(pattern);
    if (shape === null)
      return fail('plan-invalid', 'pattern: only literals, classes, dots and counted repeats are taken', field.path);
    return ok({
      action: {
        kind: 'transform',
        result: { kind: 'string' },
        width: 'fixed',
        keyLabel: `pseudonymize${field.path}`,
        reference: (need) => {
          if (need === undefined) throw new Error('pseudonymize: the key is missing');
          const key = createSecretKey(need.key);
          return (value) => {
            if (typeof value !== 'string' || (shape !== undefined && !shape.test(value))) return unfit;
            return createHmac('sha256', key).update(value, 'utf8').digest('hex').slice(0, length);
          };
        },
      },
      decision: {
        happens: `replaced by a ${length}-character token under the key of this agreement`,
        reversible: 'no',
        informationLost: 'everything but equality',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, pseudonymization; RFC 2104',
      },
    });
  },
});

/** Linear patterns alone: no groups, alternation, back references or unbounded repeats, so that no value can make it slow. */
function compilePattern(pattern: string | undefined): RegExp | undefined | null {
  if (pattern === undefined) return undefined;
  if (
    !/^(?:\[[^\]\\^[]+\]|[A-Za-z0-9 _.,:/-])(?:(?:\{\d{1,3}\})?(?:\[[^\]\\^[]+\]|[A-Za-z0-9 _.,:/-]))*(?:\{\d{1,3}\})?$/.test(
      pattern,
    )
  )
    return null;
  try {
    return new RegExp(`^${pattern}$`, 'u');
  } catch {
    return null;
  }
}
