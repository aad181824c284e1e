/** Texts and names that are not what they look like. */
import { describe, expect, test } from '@jest/globals';
import { nameFault, textFault } from './index.ts';

describe('a text', () => {
  test.each(['', '门诊 visits, 2026', 'two\n\tlines', 'Ünïcödé', '👍🏽', 'тест', 'naïve — “quoted”'])('%j is fine', (text) =>
    expect(textFault(text)).toBeNull(),
  );
  test.each([
    ['\ud83d', 'half'],
    ['a\0b', 'control'],
    ['a\rb', 'control'],
    ['a\u2028b', 'control'],
    ['a\u202eb', 'direction'],
    ['a\u2067b', 'direction'],
    ['a\u200db', 'not seen'],
    ['\ufeffa', 'not seen'],
    ['a\u{e0041}', 'not seen'],
    ['e\u0301', 'form C'],
  ])('%j is not', (text, why) => expect(textFault(text)).toContain(why));
});

describe('a name', () => {
  test.each(['research', '医学研究', '医学research', 'データ分析', 'исследование', 'μετρήσεις', 'a-1_b.c', '데이터'])(
    '%s is fine',
    (name) => expect(nameFault(name)).toBeNull(),
  );
  test.each([
    ['rese\u0430rch', 'scripts'],
    ['\u03bfrder', 'scripts'],
    ['医\u0441', 'scripts'],
    ['two\nlines', 'line'],
    ['a\u200bb', 'not seen'],
  ])('%j is not', (name, why) => expect(nameFault(name)).toContain(why));
});
