/** Encrypts the digits of a number into other digits, so that what comes out still looks and checks like such a number. */
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import type { CipherName, Ff1 } from '../../ciphers/index.ts';
import { ff1 } from '../../ciphers/index.ts';
import type { Lowering, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { luhnCheckDigit, residentIdCheckDigit } from '../../identifiers/index.ts';
import { joinsNoFurther, keyDomain, keyLabel, keyOf } from '../keys.ts';
import { refusal, text } from '../planning.ts';

const stage = 'fpe';
const keyBytes = 16;
/** Six digits are the 1,000,000 values below which FF1 must not be used. */
const digitsLeast = 6;
const digitsMost = 19;

const config = z
  .strictObject({
    kind: z
      .enum(['resident-id', 'bank-card', 'phone', 'digits'])
      .describe('The number that the text is: what stays, what is encrypted, and which check character is made anew'),
    first: z.int().min(0).max(32).optional().describe('With kind `digits`, and only there: digits kept at the start'),
    cipher: z.enum(['aes-128', 'sm4']).default('aes-128').describe('The block cipher under FF1; the standard names AES'),
    domain: keyDomain,
  })
  .refine(({ kind, first }) => (kind === 'digits') === (first !== undefined), {
    path: ['first'],
    message: 'kind digits takes first, and no other kind does',
  });
type FpeConfig = z.infer<typeof config>;

type Format = Pick<Extract<Lowering, { op: 'fpe' }>, 'first' | 'check' | 'digitsMin' | 'digitsMax'>;

const formats: Readonly<Record<Exclude<FpeConfig['kind'], 'digits'>, Format>> = {
  'resident-id': { first: 6, check: 'mod11-2', digitsMin: 11, digitsMax: 11 },
  'bank-card': { first: 6, check: 'luhn', digitsMin: digitsLeast, digitsMax: 12 },
  'phone': { first: 3, check: 'none', digitsMin: 8, digitsMax: 8 },
};

const formatOf = ({ kind, first = 0 }: Pick<FpeConfig, 'kind' | 'first'>): Format =>
  kind === 'digits' ? { first, check: 'none', digitsMin: digitsLeast, digitsMax: digitsMost } : formats[kind];

const stays: Readonly<Record<FpeConfig['kind'], string>> = {
  'resident-id':
    'the first 6 digits (the area) stay; birth date, sequence and sex are encrypted together, so the new date need not exist',
  'bank-card': 'the first 6 digits (the issuer) stay, and the count of digits',
  'phone': 'the first 3 digits (the network) stay',
  'digits': 'the first digits that the policy names stay, and the count of digits',
};

/**
 * FF1 with radix 10 over the digits between those that stay and the check character, which is made anew. The tweak is the UTF-8 of the key's
 * label; dataset and agreement are in the key. A text of another form, or with a wrong check character, does not fit. 6 to 19 digits are
 * encrypted. Source: NIST SP 800-38G, algorithm 7 (AES; with SM4 it is no published standard); GB 11643-1999; ISO/IEC 7812-1, annex B.
 */
export const fpe = defineFieldStage<FpeConfig>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Encrypts the digits of an identity, card or phone number into digits, and makes its check character anew.',
  facts: {
    reversible: 'with the key: exactly, but for the case of a final x',
    bias: 'none for counts of distinct values within one agreement; what stays can be counted as before',
    informationLoss: 'the encrypted digits, until somebody has the key; equality and the digits that stay remain',
    cost: 'a fifth of a microsecond in batches',
  },
  config,
  plan(field, settings) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    const { kind, cipher, domain } = settings;
    const format = formatOf(settings);
    const label = keyLabel(stage, field, domain);
    if (Buffer.byteLength(label) > tweakBytesMax)
      return fail('plan-invalid', `${stage}: the path is too long for a tweak`, field.path);
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'input',
        keyLabel: label,
        lower: { op: 'fpe', cipher, ...format },
        // A final x and a final X are the same number.
        oneToOne: true,
        reference: (need) => encrypting(format, fpeCipher(cipher, keyOf(stage, need), label)),
      },
      decision: {
        happens: `digits encrypted into digits (FF1, ${cipher})${format.check === 'none' ? '' : ', the check character made anew'}: ${stays[kind]}`,
        reversible: 'with the key',
        informationLost: 'the encrypted digits, without the key',
        lengthLeaked: format.digitsMin !== format.digitsMax,
        clause:
          cipher === 'sm4'
            ? 'non-standard: NIST SP 800-38G FF1 with GB/T 32907-2016'
            : 'NIST SP 800-38G, FF1; GB/T 37964-2019, pseudonymization',
      },
    });
  },
  atLeast(mine, { own }) {
    const sameForm = own?.kind === mine.kind && own.first === mine.first && own.cipher === mine.cipher;
    return sameForm && joinsNoFurther(mine.domain, own.domain) ? 'yes' : 'incomparable';
  },
});

/** Longest tweak that every engine takes. */
const tweakBytesMax = 256;

const fpeCipher = (cipher: CipherName, key: Uint8Array, label: string): Ff1 =>
  ff1(cipher, key.subarray(0, keyBytes), 10, Buffer.from(label, 'utf8'));

function encrypting(format: Format, cipher: Ff1): Reference {
  return (value) => {
    const parts = typeof value === 'string' ? partsOf(value, format) : null;
    return parts === null ? unfit : joined(parts.kept, cipher.encrypt(parts.digits), format);
  };
}

/** What a publisher knows of the rule that made a number. */
export interface FpeOrigin extends Pick<FpeConfig, 'kind' | 'first'> {
  /** 32 bytes, derived for the label. */
  readonly key: Uint8Array;
  /** As the Program's needs name it, e.g. `fpe/phone`. */
  readonly label: string;
  readonly cipher: CipherName;
}

/** The number behind an encrypted one, a final x as X; null for a text that is no such number. A number that nobody encrypted decrypts to some other. */
export function decryptDigits({ key, label, cipher, ...settings }: FpeOrigin, encrypted: string): string | null {
  const format = formatOf(settings);
  const parts = partsOf(encrypted, format);
  return parts === null ? null : joined(parts.kept, fpeCipher(cipher, key, label).decrypt(parts.digits), format);
}

interface Parts {
  readonly kept: string;
  /** The digits to be encrypted. */
  readonly digits: number[];
}

/** The parts of a number in its form, with the right check character; null for any other text. */
function partsOf(value: string, { first, check, digitsMin, digitsMax }: Format): Parts | null {
  const body = check === 'none' ? value : value.slice(0, -1);
  const count = body.length - first;
  if (count < digitsMin || count > digitsMax || !/^[0-9]+$/.test(body)) return null;
  if (check !== 'none' && !sameCheck(value.slice(-1), checkCharacter(body, check))) return null;
  return { kept: body.slice(0, first), digits: Array.from(body.slice(first), Number) };
}

const sameCheck = (written: string, expected: string): boolean => written === expected || (written === 'x' && expected === 'X');

function joined(kept: string, digits: readonly number[], { check }: Format): string {
  const body = kept + digits.join('');
  return check === 'none' ? body : body + checkCharacter(body, check);
}

const checkCharacter = (body: string, check: 'luhn' | 'mod11-2'): string =>
  check === 'luhn' ? luhnCheckDigit(body) : residentIdCheckDigit(body);
