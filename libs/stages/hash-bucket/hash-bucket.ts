/** Puts values into numbered buckets by a keyed hash: for samples, partitions and joins that must not name anybody. */
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { keyDomain, keyLabel, keyOf } from '../keys.ts';
import { numberKind, refusal } from '../planning.ts';

const stage = 'hash-bucket';
const bucketsMax = 1 << 20;

const config = z.strictObject({
  buckets: z.int().min(2).max(bucketsMax).describe('How many buckets there are; they are numbered from 0'),
  domain: keyDomain,
});

/**
 * HMAC-SHA256 of the value's canonical text: a text itself, a whole number in decimal, a fractional one in its shortest decimal form
 * (ECMAScript, Number::toString). The first 64 bits modulo the count of buckets: with at most 2^20 buckets no one is likelier than another by
 * more than 2^-44 of its share, so nothing is rejected. NaN and infinities do not fit. Source: RFC 2104, FIPS 180-4; GB/T 37964-2019.
 */
export const hashBucket = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a value by the number of a bucket that a keyed hash chooses.',
  facts: {
    reversible: 'no: a bucket holds many values; with the key one can try whether a value is of a bucket',
    bias: 'none for samples by bucket; counts of distinct values are low by what shares a bucket',
    informationLoss: 'everything but that equal values share a bucket',
    cost: 'some microseconds: one hash on the host',
  },
  config,
  plan(field, { buckets, domain }) {
    if (field.type.kind !== 'string' && numberKind(field.type) === undefined)
      return refusal(stage, field, 'it needs a text or a number');
    return ok({
      action: {
        kind: 'transform',
        result: { kind: 'int' },
        width: 'result',
        keyLabel: keyLabel(stage, field, domain),
        lower: { op: 'host' },
        reference: (need) => bucketOf(keyOf(stage, need), BigInt(buckets)),
      },
      decision: {
        happens: `replaced by one of ${buckets} buckets, by HMAC-SHA256 under the key of this agreement`,
        reversible: 'no',
        informationLost: 'everything but that equal values share a bucket',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, pseudonymization and generalization; RFC 2104',
      },
    });
  },
  atLeast({ buckets, domain }, { own }) {
    if (own === undefined || domain !== own.domain) return 'incomparable';
    return own.buckets % buckets === 0 ? 'yes' : 'no';
  },
});

function bucketOf(key: Uint8Array, buckets: bigint): Reference {
  const secret = createSecretKey(key);
  return (value) => {
    const text = canonicalText(value);
    if (text === undefined) return unfit;
    return Number(createHmac('sha256', secret).update(text, 'utf8').digest().readBigUInt64BE() % buckets);
  };
}

/** Minus zero is zero. */
function canonicalText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)) ? String(value) : undefined;
}
