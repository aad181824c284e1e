/** Tokens against node:crypto, published vectors and implementations that take one text at a time. */
import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { cmac as otherCmac } from '@noble/ciphers/aes.js';
import { cmac } from '../../ciphers/index.ts';
import { Arena, sharedArena } from '../arena/arena.ts';
import { kernelSpace, textsOfStep } from '../arena/arena-layout.ts';
import type { Prf } from './slot-maker.ts';
import type { SlotRequest } from './slots-fixture.ts';
import { layOut, residues, shuffled } from './slots-fixture.ts';
import { tokenKernelBytes } from './token-kernel.ts';
import { tokenMaker } from './token-maker.ts';

const arena = sharedArena();
const field = 7;

/** Each PRF as others compute it, in hexadecimal, and its longest token. */
const prfs: readonly (readonly [Prf, number, (key: Buffer, text: Buffer) => string])[] = [
  ['hmac-sha256', 64, (key, text) => createHmac('sha256', key).update(text).digest('hex')],
  ['hmac-sm3', 64, (key, text) => createHmac('sm3', key).update(text).digest('hex')],
  ['aes-128-cmac', 32, (key, text) => Buffer.from(otherCmac(text, key.subarray(0, 16))).toString('hex')],
  ['sm4-cmac', 32, (key, text) => cmac('sm4', key.subarray(0, 16))(text).toString('hex')],
];

const texts = (lengths: readonly number[]): SlotRequest[] => lengths.map((length) => ({ text: randomBytes(length), field }));
const fieldsMixed = (requests: readonly SlotRequest[]): SlotRequest[] =>
  requests.map((request, index) => ({
    ...request,
    field: [field, 0, field, field + 1][index % 4] as number,
    twice: index % 3 === 0,
  }));

afterEach(() => {
  arena.bytes.fill(0, arena.intake.input, arena.intake.input + arena.intake.bytesMax);
});

for (const [prf, lengthMax, plainly] of prfs) {
  describe(prf, () => {
    test('makes the token of every text of 0 to 300 bytes, in any order', () => {
      const key = randomBytes(32);
      const run = layOut(arena, texts(shuffled([...Array(301).keys()])), () => lengthMax);
      tokenMaker(arena, prf, key, lengthMax).fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => plainly(key, text)));
    });

    test('writes as many characters as were asked for, and not one behind them', () => {
      const key = randomBytes(32);
      for (let length = 1; length <= lengthMax; length += 1) {
        const run = layOut(arena, fieldsMixed(texts([0, 18, 18, 55, 56, 64, 18, 15, 16, 17])), () => length);
        tokenMaker(arena, prf, key, length).fill(arena, run.entries, field);
        expect(run.output()).toBe(run.expected(field, (text) => plainly(key, text).slice(0, length)));
      }
    });

    test('fills both destinations, and touches no other field', () => {
      const key = randomBytes(32);
      const run = layOut(arena, fieldsMixed(texts(Array.from({ length: 90 }, (_, index) => index % 47))), () => 24);
      const maker = tokenMaker(arena, prf, key, 24);
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => plainly(key, text).slice(0, 24)));
    });

    test('takes more texts than one step does, several times with one maker', () => {
      const key = randomBytes(32);
      const maker = tokenMaker(arena, prf, key, 16);
      for (const count of [2 * textsOfStep + 5, textsOfStep, 1, 2, 3, 4, 5]) {
        const run = layOut(arena, texts(Array.from({ length: count }, (_, index) => 11 + (index % 9))), () => 16);
        maker.fill(arena, run.entries, field);
        expect(run.output()).toBe(run.expected(field, (text) => plainly(key, text).slice(0, 16)));
      }
    });

    test('makes a token of a text of 70,000 bytes beside short ones', () => {
      const key = randomBytes(32);
      const run = layOut(arena, texts([18, 70_000, 0, 100, 69_999]), () => 32);
      tokenMaker(arena, prf, key, 32).fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => plainly(key, text).slice(0, 32)));
    });

    test('does nothing when the run has no text of the field', () => {
      const run = layOut(arena, [{ text: randomBytes(18), field: 0 }], () => 32);
      const maker = tokenMaker(arena, prf, randomBytes(32), 32);
      maker.fill(arena, run.entries, field);
      maker.fill(arena, 0, 0);
      expect(run.output()).toBe(run.expected(field, () => 'never'));
    });

    test('leaves nothing of a key, a text or a code outside of the slots', () => {
      const key = randomBytes(32);
      const requests = texts([18, 9, 100, 16, 300, 18, 32]);
      const run = layOut(arena, requests, () => lengthMax);
      tokenMaker(arena, prf, key, lengthMax).fill(arena, run.entries, field);
      run.dismiss();
      const codes = requests.map(({ text }) => Buffer.from(plainly(key, text), 'hex'));
      const secrets = [
        key.subarray(0, 16),
        ...requests.flatMap(({ text }) => [text.subarray(0, 8), text.subarray(-8)]),
        ...codes,
      ];
      expect(residues(arena, [...secrets, ...codes.map((code) => code.subarray(0, 4).swap32())])).toEqual([]);
    });

    test('takes no other length of key or token', () => {
      expect(() => tokenMaker(arena, prf, randomBytes(31), 16)).toThrow(RangeError);
      expect(() => tokenMaker(arena, prf, randomBytes(16), 16)).toThrow(RangeError);
      for (const length of [0, 1.5, lengthMax + 1])
        expect(() => tokenMaker(arena, prf, randomBytes(32), length)).toThrow(RangeError);
    });
  });
}

test('AES-CMAC gives the codes of RFC 4493, section 4', () => {
  const key = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c00000000000000000000000000000000', 'hex');
  const message = Buffer.from(
    '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
    'hex',
  );
  const requests = [0, 16, 40, 64].map((length) => ({
    text: message.subarray(0, length),
    field,
  }));
  const run = layOut(arena, requests, () => 32);
  tokenMaker(arena, 'aes-128-cmac', key, 32).fill(arena, run.entries, field);
  expect(run.output().split('|')).toEqual([
    'bb1d6929e95937287fa37d129b756746',
    '070a16b46b4d4144f79bdd9dd04a287c',
    'dfa66747de9ae63030ca32611497c827',
    '51f0bebf7e3b9d92fc49741779363cfe',
    '',
  ]);
});

test('makers of several keys over one arena do not disturb each other', () => {
  const keys = [randomBytes(32), randomBytes(32)];
  const makers = prfs.flatMap(([prf, , plainly]) =>
    keys.map((key) => ({
      maker: tokenMaker(arena, prf, key, 20),
      expected: (text: Buffer) => plainly(key, text).slice(0, 20),
    })),
  );
  const run = layOut(arena, texts([18, 0, 77]), () => 20);
  for (const { maker, expected } of [...makers, ...makers]) {
    maker.fill(arena, run.entries, field);
    expect(run.output()).toBe(run.expected(field, expected));
  }
});

test('the search for residue finds a text, and a byte in the working space, where one was left', () => {
  const text = randomBytes(18);
  arena.bytes.set(text, arena.results);
  arena.bytes[kernelSpace.tokens + 100] = 1;
  arena.bytes[arena.lockstepEnd - 1] = 1;
  expect(residues(arena, [randomBytes(18), text])).toEqual([
    'secret 1',
    `byte ${kernelSpace.tokens + 100}`,
    `byte ${arena.lockstepEnd - 1}`,
  ]);
  for (const [from, to] of [
    [arena.results, arena.results + text.length],
    [kernelSpace.tokens, kernelSpace.batches],
    [arena.lockstep, arena.lockstepEnd],
  ] as const)
    arena.bytes.fill(0, from, to);
});

test('the comparison of outputs finds a store of one character too many', () => {
  const run = layOut(arena, texts([18, 18]), () => 16);
  const key = randomBytes(32);
  tokenMaker(arena, 'hmac-sha256', key, 17).fill(arena, run.entries, field);
  expect(run.output()).not.toBe(run.expected(field, (text) => (prfs[0] as (typeof prfs)[0])[2](key, text).slice(0, 16)));
});

test('a maker does not fill slots of another arena', () => {
  const maker = tokenMaker(arena, 'aes-128-cmac', randomBytes(32), 16);
  const another = (): Arena => new Arena();
  expect(() => maker.fill(another(), 0, field)).toThrow('another arena');
});

test('the kernel module imports its memory and nothing else', () => {
  expect(WebAssembly.Module.imports(new WebAssembly.Module(tokenKernelBytes()))).toEqual([
    { module: 'env', name: 'memory', kind: 'memory' },
  ]);
});
