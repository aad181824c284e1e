/** The search for canaries finds what was planted: without this, finding nothing would prove nothing. */
import { describe, expect, test } from '@jest/globals';
import { canary, canaryCore, formsIn } from './canary.ts';

describe('the search for canaries', () => {
  const planted = canary('notes', 77);
  const cases: readonly (readonly [string, Buffer])[] = [
    ['raw', Buffer.from(planted)],
    ['hex', Buffer.from(Buffer.from(planted).toString('hex'))],
    ['percent', Buffer.from(encodeURIComponent(planted))],
    ['an escaped JSON text', Buffer.from(JSON.stringify(planted).replace('密', '\\u5bc6'))],
    ['UTF-16', Buffer.from(planted, 'utf16le')],
    ...['', 'a', 'ab', 'abc'].map((before): [string, Buffer] => [
      `base64 behind ${before.length} bytes`,
      Buffer.from(Buffer.from(before + planted).toString('base64')),
    ]),
    ...['', 'a', 'ab'].map((before): [string, Buffer] => [
      `base64url behind ${before.length} bytes`,
      Buffer.from(Buffer.from(before + planted).toString('base64url')),
    ]),
  ];
  for (const [how, bytes] of cases) {
    test(`finds one as ${how} in the middle of other bytes`, () => {
      expect(formsIn(Buffer.concat([Buffer.from('before '), bytes, Buffer.from(' behind')]))).not.toEqual([]);
    });
  }

  test('finds nothing where there is none', () => {
    expect(formsIn(Buffer.from(canaryCore.slice(0, -1).repeat(3)))).toEqual([]);
  });
});
