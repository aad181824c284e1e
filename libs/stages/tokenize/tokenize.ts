/** Replaces a text by a token that the publisher, and nobody else, can turn back into the text. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { CipherName } from '../../ciphers/index.ts';
import { siv } from '../../ciphers/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { joinsNoFurther, keyDomain, keyLabel, keyOf } from '../keys.ts';
import { refusal, text } from '../planning.ts';

const stage = 'tokenize';

const config = z.strictObject({
  cipher: z
    .enum(['aes-128', 'sm4'])
    .default('aes-128')
    .describe('aes-128: RFC 5297 as it stands. sm4: the same construction over SM4, which no standard names'),
  domain: keyDomain,
});

/**
 * SIV over the UTF-8 text with the key's label as associated data; the token is V || C in base64url without padding, 22 characters and four
 * for every three bytes of text. The same text gives the same token. Source: RFC 5297 (AES-SIV), RFC 4648 section 5.
 */
export const tokenize = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a text by a reversible token; whoever has the key can turn it back.',
  facts: {
    reversible: 'with the key: exactly, and a forged token is found out',
    bias: 'none for counts of distinct values within one agreement',
    informationLoss: 'everything but equality and the length in bytes, until somebody has the key',
    cost: 'some microseconds: several block cipher calls on the host',
  },
  config,
  plan(field, { cipher, domain }) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    const label = keyLabel(stage, field, domain);
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'result',
        keyLabel: label,
        lower: { op: 'host' },
        oneToOne: true,
        reference: (need) => sealWith(cipher, keyOf(stage, need), label),
      },
      decision: {
        happens: `encrypted (${cipher === 'sm4' ? 'SIV over SM4, a construction without a standard' : 'AES-SIV'}): the same text gives the same token, and the key turns it back`,
        reversible: 'with the key',
        informationLost: 'everything but equality and length, without the key',
        lengthLeaked: true,
        clause:
          cipher === 'sm4'
            ? 'non-standard: the construction of RFC 5297 with GB/T 32907-2016'
            : 'GB/T 37964-2019, pseudonymization; RFC 5297',
      },
    });
  },
  atLeast: (mine, { own }) => (own?.cipher === mine.cipher && joinsNoFurther(mine.domain, own.domain) ? 'yes' : 'incomparable'),
});

function sealWith(cipher: CipherName, key: Uint8Array, label: string): Reference {
  const sealer = siv(cipher, key);
  const associated = [Buffer.from(label, 'utf8')];
  return (value) =>
    typeof value === 'string' ? sealer.seal(Buffer.from(value, 'utf8'), associated).toString('base64url') : unfit;
}

/** What a publisher knows of the rule that made a token. */
export interface TokenOrigin {
  /** 32 bytes, derived for the label. */
  readonly key: Uint8Array;
  /** As the Program's needs name it, e.g. `tokenize/phone`. */
  readonly label: string;
  readonly cipher: CipherName;
}

/** The text behind a token, or null for one that this rule did not make. */
export function detokenize({ key, label, cipher }: TokenOrigin, token: string): string | null {
  const sealed = Buffer.from(token, 'base64url');
  // Decoding passes over what is no base64url; a token has one form only.
  if (sealed.toString('base64url') !== token) return null;
  return (
    siv(cipher, key)
      .open(sealed, [Buffer.from(label, 'utf8')])
      ?.toString('utf8') ?? null
  );
}
