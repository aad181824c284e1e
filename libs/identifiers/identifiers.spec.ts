import { describe, expect, test } from '@jest/globals';
import {
  bankCardIsValid,
  imeiIsValid,
  luhnCheckDigit,
  mobileNumber,
  parseResidentId,
  passportIsWellFormed,
  plateIsWellFormed,
  residentIdCheckDigit,
  socialCreditCheckDigit,
  socialCreditCodeIsValid,
  vinCheckDigitFits,
} from './index.ts';

describe('resident identity number', () => {
  test('reads the parts of the example of GB 11643', () => {
    expect(parseResidentId('11010519491231002X')).toEqual({
      text: '11010519491231002X',
      areaCode: '110105',
      birthDate: '1949-12-31',
      sex: 'female',
    });
  });

  test('takes a small x and full-width digits', () => {
    expect(parseResidentId('11010519491231002x')?.text).toBe('11010519491231002X');
    expect(parseResidentId('１１０１０５１９４９１２３１００２Ｘ')?.text).toBe('11010519491231002X');
  });

  test('refuses every single wrong digit and every swap of unequal neighbours', () => {
    const valid = '11010519491231002X';
    for (let index = 0; index < 17; index += 1) {
      for (const digit of '0123456789') {
        if (digit === valid[index]) continue;
        expect(parseResidentId(valid.slice(0, index) + digit + valid.slice(index + 1))).toBeNull();
      }
      if (valid[index] === valid[index + 1] || index === 16) continue;
      const swapped = `${valid.slice(0, index)}${valid.charAt(index + 1)}${valid.charAt(index)}${valid.slice(index + 2)}`;
      expect(parseResidentId(swapped)).toBeNull();
    }
  });

  test('refuses a day that does not exist even when the check digit fits', () => {
    const first17 = '33010819990230001';
    expect(parseResidentId(first17 + residentIdCheckDigit(first17))).toBeNull();
    expect(parseResidentId('')).toBeNull();
    expect(parseResidentId('11010519491231002X ')).toBeNull();
  });
});

describe('unified social credit code', () => {
  test('takes the valid example of GB 32100 and refuses its failing one', () => {
    expect(socialCreditCodeIsValid('91350100M000100Y43')).toBe(true);
    expect(socialCreditCodeIsValid('91350100M000100Y4Z')).toBe(false);
    expect(socialCreditCheckDigit('91350100M000100Y4')).toBe('3');
  });

  test('refuses a symbol outside the alphabet and a wrong length', () => {
    expect(socialCreditCodeIsValid('91350100M000100Y4I')).toBe(false);
    expect(socialCreditCodeIsValid('91350100M000100Y4')).toBe(false);
    expect(() => socialCreditCheckDigit('I1350100M000100Y4')).toThrow(TypeError);
  });
});

test('Luhn: cards of 13 to 19 digits, IMEIs of 15, and the check digit between them', () => {
  expect(imeiIsValid('490154203237518')).toBe(true);
  expect(imeiIsValid('490154203237519')).toBe(false);
  expect(luhnCheckDigit('49015420323751')).toBe('8');
  expect(bankCardIsValid('4111 1111 1111 1111')).toBe(true);
  expect(bankCardIsValid('4111111111111112')).toBe(false);
  expect(bankCardIsValid('411111111111')).toBe(false);
});

test('mobile numbers: as people write them, to eleven digits', () => {
  for (const written of ['13812345678', '+86 138-1234-5678', '008613812345678', '１３８１２３４５６７８']) {
    expect(mobileNumber(written)).toBe('13812345678');
  }
  for (const wrong of ['12812345678', '1381234567', '138123456789', '']) expect(mobileNumber(wrong)).toBeNull();
});

test('plates: five symbols, six for new energy, the marks of trailers and police', () => {
  for (const plate of ['浙A12345', '浙A·1234挂', '京A0006警', '浙AD12345', '沪A12345D', '粤Z1234港']) {
    expect([plate, plateIsWellFormed(plate)]).toEqual([plate, true]);
  }
  for (const plate of ['A12345', '浙I12345', '浙A1234', '浙AX12345', '浙A1234567']) {
    expect([plate, plateIsWellFormed(plate)]).toEqual([plate, false]);
  }
});

test('passports: a type letter and eight digits, or E with a second letter', () => {
  for (const passport of ['E12345678', 'g12345678', 'EA1234567', 'H12345678']) expect(passportIsWellFormed(passport)).toBe(true);
  for (const passport of ['A12345678', 'E1234567', 'EI1234567', 'GA1234567']) expect(passportIsWellFormed(passport)).toBe(false);
});

test('VIN: the check digit fits the known example and no number with I, O or Q', () => {
  expect(vinCheckDigitFits('1M8GDM9AXKP042788')).toBe(true);
  expect(vinCheckDigitFits('1M8GDM9A1KP042788')).toBe(false);
  expect(vinCheckDigitFits('1M8GDM9AXKP04278O')).toBe(false);
});
