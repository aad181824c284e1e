import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { detokenize } from '../index.ts';
import { governed, keyOf, programOf } from '../stage-fixture.ts';

const trial = { type: 'string', stage: 'tokenize' } as const;
const texts = ['', 'a', '13812345678', '王小明', '𠮷田', '浙'.repeat(500)];

describe.each(['aes-128', 'sm4'] as const)('a token (%s)', (cipher) => {
  const origin = { key: keyOf('tokenize/f'), label: 'tokenize/f', cipher };
  const tokens = governed({ ...trial, with: { cipher } }, texts) as string[];

  test('is turned back by the key and the label, and by nothing else', () => {
    expect(tokens.map((token) => detokenize(origin, token))).toEqual(texts);
    expect(tokens.map((token) => detokenize({ ...origin, key: keyOf('tokenize/g') }, token))).toEqual(texts.map(() => null));
    expect(tokens.map((token) => detokenize({ ...origin, label: 'tokenize/g' }, token))).toEqual(texts.map(() => null));
    const other = cipher === 'sm4' ? 'aes-128' : 'sm4';
    expect(tokens.map((token) => detokenize({ ...origin, cipher: other }, token))).toEqual(texts.map(() => null));
  });

  test('is one for one text, of base64url, and as long as the text makes it', () => {
    expect(governed({ ...trial, with: { cipher } }, texts)).toEqual(tokens);
    expect(new Set(tokens).size).toBe(texts.length);
    for (const [index, token] of tokens.entries()) {
      expect(token).toMatch(/^[A-Za-z0-9_-]{22,}$/);
      expect(token).toHaveLength(Math.ceil(((16 + Buffer.byteLength(texts[index] as string)) * 4) / 3));
    }
  });

  test('has one form: changed, padded, cut or spaced it is none', () => {
    const token = tokens[3] as string;
    for (let at = 0; at < token.length; at += 1) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(detokenize(origin, changed)).toBeNull();
    }
    for (const wrong of ['', `${token}=`, ` ${token}`, token.slice(1), `${token}A`, `${token}*`, '王']) {
      expect(detokenize(origin, wrong)).toBeNull();
    }
  });

  test('is reversible with the key and leaks the length, and says so', () => {
    const [row] = unwrap(programOf({ ...trial, with: { cipher } })).explain();
    expect(row).toMatchObject({ reversible: 'with the key', lengthLeaked: true });
    expect(row?.clause.startsWith('non-standard')).toBe(cipher === 'sm4');
  });
});
