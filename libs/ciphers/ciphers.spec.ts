/** The constructions against published vectors and against an implementation that is not ours. */
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { aessiv, cmac as otherCmac } from '@noble/ciphers/aes.js';
import { FF1 } from '@noble/ciphers/ff1.js';
import { cmac, ff1, siv } from './index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** The key of RFC 4493 and of the NIST samples of FF1. */
const key = hex('2B7E1516 28AED2A6 ABF71588 09CF4F3C');

describe('CMAC', () => {
  const message = hex(
    '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710',
  );
  for (const [length, code] of [
    [0, 'bb1d6929e95937287fa37d129b756746'],
    [16, '070a16b46b4d4144f79bdd9dd04a287c'],
    [40, 'dfa66747de9ae63030ca32611497c827'],
    [64, '51f0bebf7e3b9d92fc49741779363cfe'],
  ] as const) {
    test(`RFC 4493, section 4, ${length} bytes`, () => {
      expect(cmac('aes-128', key)(message.subarray(0, length)).toString('hex')).toBe(code);
    });
  }

  test('agrees with another implementation on every length to 100 bytes, and changes no message', () => {
    const code = cmac('aes-128', key);
    for (let length = 0; length <= 100; length += 1) {
      const text = randomBytes(length);
      const before = Buffer.from(text);
      expect(code(text).toString('hex')).toBe(Buffer.from(otherCmac(text, key)).toString('hex'));
      expect(text).toEqual(before);
    }
  });

  test('over SM4 is the same construction, computed here apart in whole numbers', () => {
    const code = cmac('sm4', key);
    for (const length of [0, 1, 15, 16, 17, 32, 40]) {
      const text = randomBytes(length);
      expect(code(text).toString('hex')).toBe(sm4CodeInNumbers(text));
    }
  });

  test('takes no key of another length', () => {
    expect(() => cmac('aes-128', key.subarray(1))).toThrow();
    expect(() => cmac('sm4', Buffer.alloc(32))).toThrow();
  });
});

/** CMAC over SM4 with blocks as whole numbers: a second reading of RFC 4493. */
function sm4CodeInNumbers(text: Buffer): string {
  const encrypt = (block: bigint): bigint => {
    const cipher = createCipheriv('sm4-ecb', key, null).setAutoPadding(false);
    return BigInt(`0x${cipher.update(hex(block.toString(16).padStart(32, '0'))).toString('hex')}`);
  };
  const twice = (block: bigint): bigint => BigInt.asUintN(128, block << 1n) ^ (block >> 127n === 1n ? 0x87n : 0n);
  const whole = twice(encrypt(0n));
  const digits = text.toString('hex');
  const complete = text.length > 0 && text.length % 16 === 0;
  const padded = complete ? digits : `${digits}80`.padEnd(Math.ceil((text.length + 1) / 16) * 32, '0');
  const blocks = (padded.match(/.{32}/g) ?? []).map((block) => BigInt(`0x${block}`));
  const last = blocks.pop() as bigint;
  const chained = blocks.reduce((state, block) => encrypt(state ^ block), 0n);
  return encrypt(chained ^ last ^ (complete ? whole : twice(whole)))
    .toString(16)
    .padStart(32, '0');
}

describe('SIV', () => {
  const short = {
    key: hex('fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff'),
    associated: [hex('10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627')],
    plaintext: hex('11223344 55667788 99aabbcc ddee'),
    sealed: '85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c',
  };
  const long = {
    key: hex('7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f'),
    associated: [
      hex('00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100'),
      hex('10203040 50607080 90a0'),
      hex('09f91102 9d74e35b d84156c5 635688c0'),
    ],
    plaintext: Buffer.from('this is some plaintext to encrypt using SIV-AES'),
    sealed:
      '7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d',
  };

  for (const [appendix, vector] of [
    ['A.1', short],
    ['A.2', long],
  ] as const) {
    test(`RFC 5297, appendix ${appendix}, both ways`, () => {
      const cipher = siv('aes-128', vector.key);
      expect(cipher.seal(vector.plaintext, vector.associated).toString('hex')).toBe(vector.sealed);
      expect(cipher.open(hex(vector.sealed), vector.associated)).toEqual(vector.plaintext);
    });
  }

  test('agrees with another implementation on every length to 80 bytes, and on many blocks', () => {
    for (const length of [...Array(81).keys(), 4_095, 65_551]) {
      const [secret, text, data] = [randomBytes(32), randomBytes(length), randomBytes(length % 23)];
      expect(siv('aes-128', secret).seal(text, [data])).toEqual(Buffer.from(aessiv(secret, data).encrypt(text)));
    }
  });

  for (const name of ['aes-128', 'sm4'] as const) {
    test(`opens nothing that was changed in any bit, sealed for another place, or cut (${name})`, () => {
      const cipher = siv(name, short.key);
      const sealed = cipher.seal(short.plaintext, short.associated);
      expect(cipher.open(sealed, short.associated)).toEqual(short.plaintext);
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(cipher.open(changed, short.associated)).toBeNull();
      }
      expect(cipher.open(sealed, [])).toBeNull();
      expect(cipher.open(sealed.subarray(0, 15), short.associated)).toBeNull();
      expect(cipher.open(sealed.subarray(0, 16), short.associated)).toBeNull();
    });
  }

  test('takes no key of another length', () => {
    expect(() => siv('aes-128', key)).toThrow(RangeError);
  });
});

describe('FF1', () => {
  const numerals = (text: string): number[] => [...text].map((symbol) => Number.parseInt(symbol, 36));
  const written = (values: readonly number[]): string => values.map((value) => value.toString(36)).join('');
  const repeated = (numeral: number, count: number): number[] => Array.from({ length: count }, () => numeral);
  const random = (count: number, radix: number): number[] =>
    Array.from({ length: count }, () => randomBytes(4).readUInt32BE(0) % radix);

  for (const [sample, radix, tweak, plain, encrypted] of [
    [1, 10, '', '0123456789', '2433477484'],
    [2, 10, '39383736353433323130', '0123456789', '6124200773'],
    [3, 36, '3737373770717273373737', '0123456789abcdefghi', 'a9tv40mll9kdu509eum'],
  ] as const) {
    test(`NIST sample ${sample}, both ways`, () => {
      const cipher = ff1('aes-128', key, radix, hex(tweak));
      expect(written(cipher.encrypt(numerals(plain)))).toBe(encrypted);
      expect(written(cipher.decrypt(numerals(encrypted)))).toBe(plain);
    });
  }

  for (let count = 6; count <= 19; count += 1) {
    test(`agrees with another implementation on ${count} digits, whatever the tweak`, () => {
      for (let run = 0; run < 20; run += 1) {
        const [secret, tweak] = [randomBytes(16), randomBytes(run * 3)];
        const cipher = ff1('aes-128', secret, 10, tweak);
        const other = FF1(10, secret, tweak);
        for (const digits of [random(count, 10), repeated(0, count), repeated(9, count)]) {
          const encrypted = cipher.encrypt(digits);
          expect(encrypted).toEqual(other.encrypt(digits));
          expect(cipher.decrypt(encrypted)).toEqual(digits);
        }
      }
    });
  }

  for (const [radix, count] of [
    [2, 20],
    [2, 64],
    [16, 12],
    [26, 9],
    [36, 4],
    [36, 19],
    [36, 60],
    [65_535, 2],
    [65_535, 9],
  ] as const) {
    test(`agrees with another implementation on ${count} numerals of radix ${radix}`, () => {
      for (let run = 0; run < 10; run += 1) {
        const [secret, tweak, plain] = [randomBytes(16), randomBytes(run), random(count, radix)];
        const encrypted = ff1('aes-128', secret, radix, tweak).encrypt(plain);
        expect(encrypted).toEqual(FF1(radix, secret, tweak).encrypt(plain));
        expect(ff1('aes-128', secret, radix, tweak).decrypt(encrypted)).toEqual(plain);
      }
    });
  }

  test('over SM4 turns back what it made, and makes something else than AES does', () => {
    for (let count = 6; count <= 19; count += 1) {
      const plain = random(count, 10);
      const encrypted = ff1('sm4', key, 10, hex('0102')).encrypt(plain);
      expect(ff1('sm4', key, 10, hex('0102')).decrypt(encrypted)).toEqual(plain);
    }
    expect(ff1('sm4', key, 10, hex('')).encrypt(numerals('0123456789'))).not.toEqual(numerals('2433477484'));
  });

  test('is a permutation: a thousand neighbours get a thousand results', () => {
    const cipher = ff1('aes-128', key, 10, hex(''));
    const results = Array.from({ length: 1000 }, (_, value) => written(cipher.encrypt(numerals(String(value).padStart(6, '0')))));
    expect(new Set(results).size).toBe(1000);
  });

  test('refuses a domain below a million, a numeral outside of the radix, and a radix that is none', () => {
    const cipher = ff1('aes-128', key, 10, hex(''));
    expect(() => cipher.encrypt(numerals('12345'))).toThrow(RangeError);
    expect(() => cipher.encrypt([0, 1, 2, 3, 4, 10])).toThrow(RangeError);
    expect(() => cipher.encrypt([0, 1, 2, 3, 4, 0.5])).toThrow(RangeError);
    expect(() => cipher.decrypt(repeated(0, 257))).toThrow(RangeError);
    expect(() => ff1('aes-128', key, 1, hex(''))).toThrow(RangeError);
  });
});
