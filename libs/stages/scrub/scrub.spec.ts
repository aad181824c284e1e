import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { unfit } from '../../govern/index.ts';
import { governed, programOf } from '../stage-fixture.ts';
import { finderOf, findIdentifiers } from './find-identifiers.ts';
import { identifierKinds, labels } from './identifier-kinds.ts';
import type { Finding } from './identifier-kinds.ts';
import { scrub as stage } from './scrub.ts';
import { withoutOverlaps } from './without-overlaps.ts';

const scrub = { type: 'string', stage: 'scrub' } as const;
const pieces = (text: string): string[] =>
  findIdentifiers(text).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

const mixed =
  '患者欧阳𠮷，身份证11010519491231002X，手机138 1234 5678，住杭州市西湖区文三路18号3栋501室，车牌浙A·12345，邮箱a.b@example.com，来自fe80::1。';

test('each identifier of a text is found, from left to right, with nothing of its neighbours', () => {
  expect(pieces(mixed)).toEqual([
    'name 欧阳𠮷',
    'resident-id 11010519491231002X',
    'mobile 138 1234 5678',
    'address 杭州市西湖区文三路18号3栋501室',
    'plate 浙A·12345',
    'email a.b@example.com',
    'ip fe80::1',
  ]);
});

test('a mask keeps the number of characters and all that is no identifier', () => {
  const [masked] = governed({ ...scrub, with: { as: 'mask', symbol: '●' } }, [mixed]) as string[];
  expect([...(masked ?? '')]).toHaveLength([...mixed].length);
  let rest = mixed;
  for (const { start, end } of findIdentifiers(mixed).reverse()) rest = rest.slice(0, start) + rest.slice(end);
  expect(masked?.replaceAll('●', '')).toBe(rest);
});

test('a label says the kind, and no label is taken for an identifier', () => {
  const all = Object.values(labels).join('，');
  expect(governed(scrub, [all, mixed])[0]).toBe(all);
  const [once] = governed(scrub, [mixed]);
  expect(governed(scrub, [once])).toEqual([once]);
});

test('a kind that is not wanted is left alone', () => {
  for (const kind of identifierKinds) {
    const found = finderOf([kind])(mixed);
    expect(found.every((finding) => finding.kind === kind)).toBe(true);
    expect(found.map(({ start }) => start)).toEqual(
      findIdentifiers(mixed)
        .filter((finding) => finding.kind === kind)
        .map(({ start }) => start),
    );
  }
});

test('a text of more than a million units does not fit, and one of a million does', () => {
  const { action } = unwrap(stage.planWith({ path: '/f', type: { kind: 'string' }, nullable: false }, stage.config.parse({})));
  if (action.kind !== 'transform') throw new Error('scrub does not transform');
  const reference = action.reference(undefined);
  const at = { partition: 0, offset: 0n, occurrence: 0, subject: null };
  const longest = 'a'.repeat(1_000_000);
  expect(reference(`${longest}a`, at) === unfit).toBe(true);
  expect(reference(longest, at) === longest).toBe(true);
});

describe('of two findings in each other’s way', () => {
  const finding = (kind: Finding['kind'], start: number, end: number, checked = false): Finding => ({
    kind,
    start,
    end,
    checked,
  });

  test('the longest stays, whichever comes first', () => {
    const [short, long] = [finding('name', 0, 3), finding('address', 2, 9)];
    expect(withoutOverlaps([short, long])).toEqual([long]);
    expect(withoutOverlaps([long, short])).toEqual([long]);
  });

  test('the one with a check digit stays when they are equally long', () => {
    const [plain, checked] = [finding('resident-id', 0, 18), finding('bank-card', 0, 18, true)];
    expect(withoutOverlaps([plain, checked])).toEqual([checked]);
  });

  test('what touches only the loser is kept', () => {
    const [first, middle, last] = [finding('name', 0, 4), finding('name', 3, 6), finding('name', 5, 9)];
    expect(withoutOverlaps([first, middle, last])).toEqual([first, last]);
  });
});

test('digits inside of a longer run are no identifier, wherever they stand', () => {
  for (const id of ['11010519491231002X', '13812345678', '6222021234567890128'])
    for (const around of [`9${id}`, `99999${id}`, `${id}9`, `${id}99999`]) {
      const digits = around.replace('X', '1');
      if (/^1[3-9]\d{9}$/.test(digits)) continue;
      expect(pieces(`编码${digits}。`).filter((piece) => !piece.endsWith(digits))).toEqual([]);
    }
});

test('full-width forms are found as ASCII ones are, and the text around them stays full-width', () => {
  expect(governed(scrub, ['ＡＢ：１３８１２３４５６７８，ＣＤ１'])).toEqual(['ＡＢ：[手机号]，ＣＤ１']);
});

test('a wrong check digit counts only where the text says what the number is', () => {
  expect(pieces('编码110105194912310021')).toEqual([]);
  expect(pieces('身份证号码：110105194912310021')).toEqual(['resident-id 110105194912310021']);
  expect(pieces('银行卡6222021234567890124')).toEqual(['bank-card 6222021234567890124']);
});

test('hostile texts of a million units come to an end', () => {
  const seeds = [
    '1 ',
    '138-',
    '12345678901 ',
    'a@',
    '1.',
    '::',
    ':a',
    '王',
    '王明，',
    '中山路1号',
    '区',
    '京A',
    '阿·',
    '𠮷',
    '+86',
    '身份证1',
  ];
  for (const seed of seeds) {
    const text = seed.repeat(Math.ceil(1_000_000 / seed.length)).slice(0, 1_000_000);
    const found = findIdentifiers(text);
    expect(found.every(({ start, end }, index) => start < end && start >= (found[index - 1]?.end ?? 0))).toBe(true);
  }
});

test('settings that contradict each other are refused', () => {
  for (const config of [{ symbol: '●' }, { as: 'mask', symbol: '**' }, { kinds: [] }, { kinds: ['vin'] }])
    expect(programOf({ ...scrub, with: config })).toMatchObject({ ok: false });
});
