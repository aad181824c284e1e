import { describe, expect, test } from '@jest/globals';
import {
  bankCardIsValid,
  divisionCodeIsWellFormed,
  emailIsWellFormed,
  imeiIsValid,
  landlineNumber,
  luhnCheckDigit,
  macAddressIsWellFormed,
  mobileNumber,
  parseResidentId,
  passportIsWellFormed,
  plateIsWellFormed,
  provinceOf,
  regionCodeIsWellFormed,
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

test('landlines: an area code of three or four digits and a subscriber, to digits with the zero', () => {
  for (const written of [
    '0571-87654321',
    '(0571) 8765 4321',
    '+86 571 87654321',
    '008657187654321',
    '０５７１－８７６５４３２１',
  ])
    expect([written, landlineNumber(written)]).toEqual([written, '057187654321']);
  expect(landlineNumber('010-62345678')).toBe('01062345678');
  expect(landlineNumber('0335-3012345')).toBe('03353012345');
  for (const wrong of ['57187654321', '13812345678', '0571-17654321', '0571-876543', '010', ''])
    expect(landlineNumber(wrong)).toBeNull();
});

test('MAC addresses: pairs with one kind of mark, or groups with dots', () => {
  for (const address of ['00:1A:2b:3c:4D:5e', '00-1A-2B-3C-4D-5E', '001a.2b3c.4d5e'])
    expect(macAddressIsWellFormed(address)).toBe(true);
  for (const address of ['00:1A-2b:3c:4D:5e', '00:1A:2b:3c:4D', '00:1A:2b:3c:4D:5g', '001a2b3c4d5e', ''])
    expect(macAddressIsWellFormed(address)).toBe(false);
});

test('e-mail: a dot-atom, and a domain of two labels or more', () => {
  for (const address of ['a@b.cn', 'first.last+tag@mail.example.gov.cn', "o'neil@x-y.io"])
    expect(emailIsWellFormed(address)).toBe(true);
  for (const address of [
    'a@b',
    'a@@b.cn',
    '.a@b.cn',
    'a..b@c.cn',
    'a@-b.cn',
    'a@1.2.3.4',
    'a b@c.cn',
    `${'a'.repeat(65)}@b.cn`,
    '@b.cn',
    'a@b..cn',
    '王@b.cn',
  ])
    expect([address, emailIsWellFormed(address)]).toEqual([address, false]);
});

test('division codes: six digits below a province; addresses: a full name in front', () => {
  expect(divisionCodeIsWellFormed('330108')).toBe(true);
  for (const code of ['990108', '33010', '3301080', '33010a', '３３０１０８', ''])
    expect(divisionCodeIsWellFormed(code)).toBe(false);
  expect(provinceOf('浙江省杭州市')).toEqual({ name: '浙江省', isCity: false });
  expect(provinceOf('上海市浦东新区')).toEqual({ name: '上海市', isCity: true });
  expect(provinceOf('浙江杭州')).toBeNull();
});

test('regions: countries and subdivisions by their form, those of China by the digits of a province', () => {
  for (const code of ['CN', 'SG', 'DE-BY', 'GB-ENG', 'US-CA', 'FR-75', 'CN-33', 'CN-3301', 'CN-330108', 'CN-81'])
    expect([code, regionCodeIsWellFormed(code)]).toEqual([code, true]);
  for (const code of [
    '',
    'cn',
    'CHN',
    'CN-',
    'CN-ZJ',
    'CN-99',
    'CN-330',
    'CN-33010',
    'CN-3301080',
    'CN-３３',
    'DE-',
    'DE-BAYE',
    'CN-33\n',
  ])
    expect([code, regionCodeIsWellFormed(code)]).toEqual([code, false]);
});
