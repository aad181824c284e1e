import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { bankCardIsValid, luhnCheckDigit, parseResidentId, residentIdCheckDigit } from '../../identifiers/index.ts';
import { decryptDigits } from '../index.ts';
import { governed, keyOf, programOf } from '../stage-fixture.ts';

const trial = { type: 'string', stage: 'fpe' } as const;
const origin = { key: keyOf('fpe/f'), label: 'fpe/f', cipher: 'aes-128' } as const;
const residentIds = Array.from({ length: 200 }, (_, index) => {
  const first17 = `330108${String(19_000_101 + index * 5_003)}${String(index).padStart(3, '0')}`;
  return first17 + residentIdCheckDigit(first17);
});

describe('the published samples', () => {
  // The tweak of the stage is the label's text, so a label of these characters is the tweak of the sample.
  for (const [sample, label, encrypted] of [
    ['1', '', '2433477484'],
    ['2', '9876543210', '6124200773'],
  ] as const) {
    test(`NIST sample ${sample} decrypts, from the first 16 bytes of the key`, () => {
      const key = Buffer.concat([Buffer.from('2B7E151628AED2A6ABF7158809CF4F3C', 'hex'), Buffer.alloc(16, 9)]);
      expect(decryptDigits({ key, label, cipher: 'aes-128', kind: 'digits', first: 0 }, encrypted)).toBe('0123456789');
    });
  }
});

describe('a resident identity number', () => {
  for (const cipher of ['aes-128', 'sm4'] as const) {
    test(`keeps its area, gets a right check character, and is turned back by the key (${cipher})`, () => {
      const results = governed({ ...trial, with: { kind: 'resident-id', cipher } }, residentIds) as string[];
      expect(new Set(results).size).toBe(residentIds.length);
      for (const [index, result] of results.entries()) {
        const original = residentIds[index] as string;
        expect(result).toMatch(/^330108[0-9]{11}[0-9X]$/);
        expect(result).not.toBe(original);
        expect(residentIdCheckDigit(result.slice(0, 17))).toBe(result[17]);
        expect(decryptDigits({ ...origin, cipher, kind: 'resident-id' }, result)).toBe(original);
      }
    });
  }

  test('with a wrong check character, another length or other digits does not fit', () => {
    const wrong = [
      '110105194912310021',
      '11010519491231002',
      '11010519491231002XX',
      '1101051949123100X2',
      '１１０１０５１９４９１２３１００２Ｘ',
      '11010519491231002×',
      '',
    ];
    expect(governed({ ...trial, with: { kind: 'resident-id' } }, wrong)).toEqual(wrong.map(() => 'value-unfit'));
  });

  test('seldom has a date that exists, which the decision says', () => {
    const results = governed({ ...trial, with: { kind: 'resident-id' } }, residentIds) as string[];
    expect(results.filter((result) => parseResidentId(result) !== null).length).toBeLessThan(20);
    const [row] = unwrap(programOf({ ...trial, with: { kind: 'resident-id' } })).explain();
    expect(row).toMatchObject({
      reversible: 'with the key',
      lengthLeaked: false,
      happens: expect.stringContaining('the new date need not exist'),
    });
  });
});

describe('a bank card', () => {
  test('of 13 to 19 digits keeps its issuer and its length, and still passes Luhn', () => {
    const cards = Array.from({ length: 7 }, (_, index) => `622202${'1234567890123'.slice(0, 6 + index)}`).map(
      (body) => body + luhnCheckDigit(body),
    );
    const results = governed({ ...trial, with: { kind: 'bank-card' } }, cards) as string[];
    for (const [index, result] of results.entries()) {
      expect(result).toHaveLength(13 + index);
      expect(result.startsWith('622202')).toBe(true);
      expect(bankCardIsValid(result)).toBe(true);
      expect(decryptDigits({ ...origin, kind: 'bank-card' }, result)).toBe(cards[index]);
    }
  });

  test('of 12 or 20 digits, in groups, or with a wrong last digit does not fit', () => {
    const body = '6222021234567890123';
    const wrong = [
      body.slice(0, 11) + luhnCheckDigit(body.slice(0, 11)),
      body + luhnCheckDigit(body),
      '4111 1111 1111 1111',
      '4111111111111112',
      '411111111111111x',
    ];
    expect(governed({ ...trial, with: { kind: 'bank-card' } }, wrong)).toEqual(wrong.map(() => 'value-unfit'));
  });
});

describe('digits', () => {
  test('of every count from 6 to 19 behind those that stay are encrypted and turned back', () => {
    for (let count = 6; count <= 19; count += 1) {
      const number = `077${'9081726354019283746'.slice(0, count)}`;
      const [result] = governed({ ...trial, with: { kind: 'digits', first: 3 } }, [number]) as [string];
      expect(result).toMatch(new RegExp(`^077[0-9]{${count}}$`));
      expect(decryptDigits({ ...origin, kind: 'digits', first: 3 }, result)).toBe(number);
    }
  });

  test('fewer than 6 are too few values to hide among, and more than 19 are not taken', () => {
    expect(governed({ ...trial, with: { kind: 'digits', first: 3 } }, ['12345678', '1'.repeat(23), '123'])).toEqual([
      'value-unfit',
      'value-unfit',
      'value-unfit',
    ]);
  });

  test('of a phone number keep the network; another length does not fit', () => {
    const phone = { ...trial, with: { kind: 'phone' } } as const;
    expect(governed(phone, ['13812345678'])[0]).toMatch(/^138[0-9]{8}$/);
    expect(governed(phone, ['1381234567', '+8613812345678', '138-1234-5678'])).toEqual([
      'value-unfit',
      'value-unfit',
      'value-unfit',
    ]);
  });
});

test('two fields share results only by a domain', () => {
  const first = { kind: 'phone' } as const;
  expect(governed({ ...trial, with: first }, ['13812345678'])).not.toEqual(
    governed({ ...trial, with: { ...first, domain: 'phone' } }, ['13812345678']),
  );
});

test('kind digits asks for first, and no other kind takes it', () => {
  expect(programOf({ ...trial, with: { kind: 'digits' } })).toMatchObject({ ok: false });
  expect(programOf({ ...trial, with: { kind: 'phone', first: 3 } })).toMatchObject({ ok: false });
});

test('nothing is decrypted from a text that is no such number', () => {
  expect(decryptDigits({ ...origin, kind: 'resident-id' }, '110105194912310021')).toBeNull();
  expect(decryptDigits({ ...origin, kind: 'phone' }, '1381234567')).toBeNull();
});
