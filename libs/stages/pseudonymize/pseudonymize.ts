/** Replaces a text by a keyed token: the same text gives the same token within one agreement, and another in every other. */
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import { cmac } from '../../ciphers/index.ts';
import type { Prf } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { joinsNoFurther, keyDomain, keyLabel, keyOf } from '../keys.ts';
import { refusal, text } from '../planning.ts';
import { matches, parsePattern } from './pattern.ts';

const stage = 'pseudonymize';
const cmacHexLength = 32;

const config = z
  .strictObject({
    prf: z
      .enum(['hmac-sha256', 'hmac-sm3', 'aes-128-cmac', 'sm4-cmac'])
      .default('hmac-sha256')
      .describe('The keyed function: the HMACs have a key of 32 bytes, the CMACs one of 16; aes-128-cmac is the quickest'),
    length: z
      .int()
      .min(16)
      .max(64)
      .default(32)
      .describe('Hexadecimal characters of the token, at most 32 of a CMAC; 32 are 128 bits'),
    pattern: z
      .string()
      .max(256)
      .optional()
      .describe(
        'The whole value must be this: ASCII characters and classes with fixed counts, such as [0-9]{17}[0-9X]; another value does not fit',
      ),
    domain: keyDomain,
  })
  .refine(({ prf, length }) => prf.startsWith('hmac') || length <= cmacHexLength, {
    path: ['length'],
    message: `a CMAC has ${cmacHexLength} hexadecimal characters`,
  });

/**
 * The keyed function of the UTF-8 text under a key of the agreement and field (or domain), cut to `length` hexadecimal characters.
 * Source: RFC 2104 with FIPS 180-4 or GB/T 32905-2016; RFC 4493, and the same construction over SM4; GB/T 37964-2019, pseudonymization.
 */
export const pseudonymize = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a text by a keyed token that only this agreement has.',
  facts: {
    reversible: 'no, but with the key one can try values, and phones or identity numbers are few enough to try all',
    bias: 'none for counts of distinct values within one agreement',
    informationLoss: 'everything but equality, and with it how often each value occurs',
    cost: 'from less than a tenth of a microsecond with AES to a third with a hash or SM4, in batches',
  },
  config,
  plan(field, { prf, length, pattern, domain }) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    const shape = pattern === undefined ? undefined : parsePattern(pattern);
    if (shape === null)
      return fail('plan-invalid', 'pattern: only ASCII literals and classes with fixed counts are taken', field.path);
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'fixed',
        keyLabel: keyLabel(stage, field, domain),
        oneToOne: true,
        lower: { op: 'token', prf, length, ...(shape === undefined ? {} : { pattern: shape }) },
        reference: (need) => {
          const codeOf = keyedFunction(prf, keyOf(stage, need));
          return (value) =>
            typeof value === 'string' && (shape === undefined || matches(shape, value)) ? codeOf(value).slice(0, length) : unfit;
        },
      },
      decision: {
        happens: `replaced by a ${length}-character token (${prf}) under the key of this agreement and ${domain === undefined ? 'field' : `the domain ${domain}`}`,
        reversible: 'no',
        informationLost: 'everything but equality',
        lengthLeaked: false,
        clause: `GB/T 37964-2019, pseudonymization; ${sources[prf]}`,
      },
    });
  },
  /** A shorter token is the beginning of a longer one; one under a key of its own tells no more than equality, which the other tells as well. */
  atLeast(mine, { own, stage: name }) {
    if (name === 'tokenize') return mine.pattern === undefined && mine.domain === undefined ? 'yes' : 'incomparable';
    if (own === undefined || mine.prf !== own.prf || mine.pattern !== own.pattern) return 'incomparable';
    return joinsNoFurther(mine.domain, own.domain) && mine.length <= own.length ? 'yes' : 'no';
  },
});

const sources: Readonly<Record<Prf, string>> = {
  'hmac-sha256': 'RFC 2104',
  'hmac-sm3': 'RFC 2104, GB/T 32905-2016',
  'aes-128-cmac': 'RFC 4493',
  'sm4-cmac': 'NIST SP 800-38B with GB/T 32907-2016',
};

/** Hexadecimal output over the UTF-8 of a text. */
function keyedFunction(prf: Prf, key: Uint8Array): (value: string) => string {
  if (prf === 'aes-128-cmac' || prf === 'sm4-cmac') {
    const code = cmac(prf === 'sm4-cmac' ? 'sm4' : 'aes-128', key.subarray(0, 16));
    return (value) => code(Buffer.from(value, 'utf8')).toString('hex');
  }
  const secret = createSecretKey(key);
  const hash = prf === 'hmac-sm3' ? 'sm3' : 'sha256';
  return (value) => createHmac(hash, secret).update(value, 'utf8').digest('hex');
}
