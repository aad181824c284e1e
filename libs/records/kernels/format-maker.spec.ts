/** FF1 in lock-step against NIST's samples and implementations that take one value at a time; check characters against the identifiers' own. */
import { randomBytes, randomInt } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FF1 } from '@noble/ciphers/ff1.js';
import { ff1 } from '../../ciphers/index.ts';
import { bankCardIsValid, luhnCheckDigit, parseResidentId, residentIdCheckDigit } from '../../identifiers/index.ts';
import { sharedArena } from '../arena/arena.ts';
import { textsOfStep } from '../arena/arena-layout.ts';
import type { FormatSpec } from './format-maker.ts';
import { formatMaker } from './format-maker.ts';
import type { LaidOut, SlotRequest } from './slots-fixture.ts';
import { layOut, residues, shuffled } from './slots-fixture.ts';

const arena = sharedArena();
const field = 2;
const nistKey = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex');
const none = Buffer.alloc(0);

const digits = (count: number): string => Array.from({ length: count }, () => randomInt(10)).join('');
const requests = (values: readonly string[]): SlotRequest[] => values.map((value) => ({ text: Buffer.from(value), field }));
const lay = (slots: readonly SlotRequest[]): LaidOut => layOut(arena, slots, (text) => text.length);
const numerals = (value: string): number[] => Array.from(value, Number);

/** The same by the other implementations, one value at a time; for AES one that is not ours. */
function plainly({ cipher, first, check }: FormatSpec, key: Uint8Array, tweak: Uint8Array): (text: Buffer) => string {
  const one = cipher === 'sm4' ? ff1('sm4', key.subarray(0, 16), 10, tweak) : FF1(10, key.subarray(0, 16), tweak);
  const checks = {
    none: () => '',
    luhn: luhnCheckDigit,
    'mod11-2': mod11Check,
  };
  return (text) => {
    const value = text.toString('latin1');
    const end = check === 'none' ? value.length : value.length - 1;
    const made = value.slice(0, first) + one.encrypt(numerals(value.slice(first, end))).join('');
    return made + checks[check](made);
  };
}

/** ISO 7064 MOD 11-2, digit by digit; for seventeen digits that of resident ids. */
function mod11Check(value: string): string {
  const sum = numerals(value).reduce((before, digit) => ((before + digit) * 2) % 11, 0);
  return '10X98765432'[sum] as string;
}

afterEach(() => {
  arena.bytes.fill(0, arena.intake.input, arena.intake.input + arena.intake.bytesMax);
});

describe('FF1 in lock-step', () => {
  for (const [sample, tweak, encrypted] of [
    [1, '', '2433477484'],
    [2, '39383736353433323130', '6124200773'],
  ] as const) {
    test(`gives NIST sample ${sample}`, () => {
      const run = lay(requests(['0123456789']));
      formatMaker(arena, { cipher: 'aes-128', first: 0, check: 'none' }, nistKey, Buffer.from(tweak, 'hex')).fill(
        arena,
        1,
        field,
      );
      expect(run.output()).toBe(`${encrypted}|`);
    });
  }

  for (const cipher of ['aes-128', 'sm4'] as const) {
    test(`agrees with one value at a time on every count of digits, tweak and split, mixed in one run (${cipher})`, () => {
      for (const tweakBytes of [0, 1, 8, 10, 11, 12, 13, 14, 15, 16, 17, 31, 200, 256]) {
        const first = tweakBytes % 23;
        const [key, tweak] = [randomBytes(32), randomBytes(tweakBytes)];
        const values = Array.from({ length: 14 }, (_, index) => index + 6).flatMap((count) => [
          digits(first + count),
          digits(first + count),
          '0'.repeat(first + count),
          '9'.repeat(first + count),
        ]);
        const spec: FormatSpec = { cipher, first, check: 'none' };
        const slots = shuffled(requests(values)).map((slot, index) => ({
          ...slot,
          twice: index % 5 === 0,
          field: index % 7 === 0 ? 0 : field,
        }));
        const run = lay(slots);
        formatMaker(arena, spec, key, tweak).fill(arena, run.entries, field);
        expect(run.output()).toBe(run.expected(field, plainly(spec, key, tweak)));
      }
    });
  }

  test('agrees on many random values of every count of digits', () => {
    const [key, tweak] = [randomBytes(16), randomBytes(9)];
    const spec: FormatSpec = { cipher: 'aes-128', first: 0, check: 'none' };
    const run = lay(requests(Array.from({ length: 1_400 }, (_, index) => digits(6 + (index % 14)))));
    formatMaker(arena, spec, key, tweak).fill(arena, run.entries, field);
    expect(run.output()).toBe(run.expected(field, plainly(spec, key, tweak)));
  });

  test('takes more values than one step does, several times with one maker', () => {
    const [key, tweak] = [randomBytes(16), randomBytes(5)];
    const spec: FormatSpec = { cipher: 'aes-128', first: 3, check: 'none' };
    const maker = formatMaker(arena, spec, key, tweak);
    for (const count of [1, textsOfStep + 40, 3]) {
      const run = lay(requests(Array.from({ length: count }, () => digits(11))));
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, plainly(spec, key, tweak)));
    }
  });

  test('takes the key and the tweak as they were when the maker was made', () => {
    const [key, tweak] = [Buffer.from(nistKey), Buffer.from('39383736353433323130', 'hex')];
    const maker = formatMaker(arena, { cipher: 'aes-128', first: 0, check: 'none' }, key, tweak);
    key.fill(0);
    tweak.fill(0);
    const run = lay(requests(['0123456789']));
    maker.fill(arena, 1, field);
    expect(run.output()).toBe('6124200773|');
  });

  test('leaves nothing of a key, a value or a half outside of the slots', () => {
    const [key, tweak] = [randomBytes(16), randomBytes(40)];
    const values = Array.from({ length: 50 }, () => digits(18));
    const run = lay(requests(values).map((slot) => ({ ...slot, twice: true })));
    formatMaker(arena, { cipher: 'aes-128', first: 6, check: 'mod11-2' }, key, tweak).fill(arena, run.entries, field);
    run.dismiss();
    const secrets = [key, tweak.subarray(0, 16), tweak.subarray(-8), ...values.map((value) => Buffer.from(value.slice(6, 17)))];
    expect(residues(arena, secrets)).toEqual([]);
  });

  test('throws on a value with too few or too many digits, and fills nothing then', () => {
    const spec: FormatSpec = { cipher: 'aes-128', first: 2, check: 'luhn' };
    for (const length of [0, 2, 3, 8, 23, 40]) {
      const run = lay(requests([digits(20), digits(length)]));
      expect(() => formatMaker(arena, spec, nistKey, none).fill(arena, run.entries, field)).toThrow('digits');
      expect(run.output()).toBe(run.expected(-1, () => 'never'));
      expect(residues(arena, [])).toEqual([]);
    }
  });

  test('takes no short key, no long tweak and no part of a character', () => {
    const spec: FormatSpec = { cipher: 'aes-128', first: 0, check: 'none' };
    expect(() => formatMaker(arena, spec, nistKey.subarray(1), none)).toThrow(RangeError);
    expect(() => formatMaker(arena, spec, nistKey, Buffer.alloc(257))).toThrow(RangeError);
    expect(() => formatMaker(arena, { ...spec, first: -1 }, nistKey, none)).toThrow(RangeError);
    expect(() => formatMaker(arena, { ...spec, first: 0.5 }, nistKey, none)).toThrow(RangeError);
  });
});

describe('check characters', () => {
  test('of bank cards are valid again, whatever the length, and the first six digits stay', () => {
    const [key, tweak] = [randomBytes(32), Buffer.from('cards')];
    const spec: FormatSpec = { cipher: 'aes-128', first: 6, check: 'luhn' };
    const cards = Array.from({ length: 700 }, (_, index) => `622202${digits(7 + (index % 7))}`);
    const run = lay(requests(cards));
    formatMaker(arena, spec, key, tweak).fill(arena, run.entries, field);
    const made = run.output().split('|').slice(0, -1);
    expect(made.filter((card) => !bankCardIsValid(card) || !card.startsWith('622202'))).toEqual([]);
    expect(run.output()).toBe(run.expected(field, plainly(spec, key, tweak)));
    // The checker finds a digit that is not right.
    const [card] = made as [string];
    expect(bankCardIsValid(`${card.slice(0, 9)}${(Number(card[9]) + 1) % 10}${card.slice(10)}`)).toBe(false);
  });

  test('of resident ids are those of GB 11643, X among them, whatever stood there', () => {
    const [key, tweak] = [randomBytes(32), Buffer.from('persons')];
    const spec: FormatSpec = { cipher: 'aes-128', first: 6, check: 'mod11-2' };
    const ids = Array.from({ length: 400 }, () => `110105${digits(11)}`).flatMap((id) => [`${id}X`, `${id}x`, `${id}0`]);
    const run = lay(requests(ids));
    formatMaker(arena, spec, key, tweak).fill(arena, run.entries, field);
    const made = run.output().split('|').slice(0, -1);
    expect(made.filter((id) => id.at(-1) !== residentIdCheckDigit(id.slice(0, 17)))).toEqual([]);
    expect(new Set(made.map((id) => id.at(-1))).size).toBe(11);
    for (let index = 0; index < made.length; index += 3) expect(new Set(made.slice(index, index + 3)).size).toBe(1);
    expect(run.output()).toBe(run.expected(field, plainly(spec, key, tweak)));
    // The oracle of this test knows the standard's example, and finds a character that is not right.
    expect(mod11Check('11010519491231002')).toBe('X');
    expect(parseResidentId('11010519491231002X')).not.toBeNull();
    expect(parseResidentId('110105194912310021')).toBeNull();
  });

  for (const check of ['luhn', 'mod11-2'] as const) {
    test(`${check} counts every character before it, from seven to forty of them`, () => {
      for (let first = 0; first <= 21; first += 1) {
        const spec: FormatSpec = { cipher: 'aes-128', first, check };
        const values = [6, 8, 9, 10, 11, 15, 16, 17, 18, 19].flatMap((count) =>
          Array.from({ length: 12 }, () => digits(first + count + 1)),
        );
        const run = lay(
          requests(values).map((slot, index) => ({
            ...slot,
            twice: index % 4 === 0,
          })),
        );
        formatMaker(arena, spec, nistKey, none).fill(arena, run.entries, field);
        expect(run.output()).toBe(run.expected(field, plainly(spec, nistKey, none)));
      }
    });
  }
});
