/** Words and grams of texts in Chinese and English. */
import { expect, test } from '@jest/globals';
import { searchForm, searchGrams, searchWords } from './index.ts';

test('compatibility forms, case and white space are one', () => {
  expect(searchForm('  Ｓｅｎｓｏｒ\u3000传感器\n数据 ')).toBe('sensor 传感器 数据');
});

test('a Chinese character is a gram by itself, a letter is not', () => {
  expect(searchGrams('门诊 abc')).toEqual(['门', '门诊', '诊', 'ab', 'bc']);
  expect(searchGrams('a-b 𠮷')).toEqual(['𠮷']);
});

test('grams of a part of a word are grams of the word', () => {
  const whole = new Set(searchGrams('车间环境传感器读数 Workshop sensors'));
  for (const part of ['感器读', 'shop', 'ensor']) for (const gram of searchGrams(part)) expect(whole.has(gram)).toBe(true);
});

test('a query has at most 16 words of 64 characters, each once, and signs are none', () => {
  expect(searchWords('data DATA %_; 数据')).toEqual(['data', '数据']);
  expect(searchWords(Array.from({ length: 40 }, (_, index) => `w${index}`).join(' '))).toHaveLength(16);
  expect(searchWords('x'.repeat(100))).toEqual(['x'.repeat(64)]);
});
