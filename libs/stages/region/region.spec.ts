import { expect, test } from '@jest/globals';
import { provinces } from '../../identifiers/index.ts';
import { governed, programOf } from '../stage-fixture.ts';

const address = { type: 'string', stage: 'region' } as const;

test('every province is read in an address and in a code, and no other code is', () => {
  for (const [code, name] of provinces) {
    expect(governed({ ...address, with: { of: 'address', to: 'province' } }, [`${name}某地1号`])).toEqual([name]);
    expect(governed({ ...address, with: { to: 'province' } }, [`${code}0102`])).toEqual([code]);
  }
  const codes = Array.from({ length: 100 }, (_, code) => String(code).padStart(2, '0'));
  const passed = governed(
    { ...address, with: { to: 'province' } },
    codes.map((code) => `${code}0102`),
  ).filter((result) => result !== 'value-unfit');
  expect(passed).toEqual(codes.filter((code) => provinces.has(code)));
});

test('what leaves is a beginning of the address, and no level is longer than the next finer one', () => {
  const addresses = [
    '浙江省杭州市余杭区五常街道文一西路969号',
    '四川省凉山彝族自治州西昌市安宁镇',
    '天津市滨海新区塘沽街道3栋2单元',
    '广西壮族自治区百色市田阳区头塘镇',
  ];
  for (const text of addresses) {
    const cut = ['province', 'city', 'district', 'street'].map(
      (to) => governed({ ...address, with: { of: 'address', to } }, [text])[0] as string,
    );
    for (const [index, part] of cut.entries()) {
      expect(text.startsWith(part)).toBe(true);
      expect(part.startsWith(cut[index - 1] ?? '')).toBe(true);
      expect(part).not.toMatch(/[0-9路号栋]/);
    }
  }
});

test('house numbers, roads and estates never leave, wherever they stand', () => {
  const hidden = [
    '浙江省杭州市滨江区江南大道古镇小区',
    '浙江省杭州市西湖区文三路镇',
    '浙江省杭州市88号滨江区',
    '浙江省杭州市翠苑小区12幢',
    '江苏省苏州市人民路市场',
    '浙江省江南大道杭州市',
  ];
  for (const to of ['city', 'district', 'street']) {
    for (const result of governed({ ...address, with: { of: 'address', to } }, hidden) as string[])
      expect(result).not.toMatch(/大道|路|小区|号|幢|市场/);
  }
});

test('settings that contradict each other are refused', () => {
  for (const config of [{ to: 'street' }, { of: 'address', to: 'city', as: 'padded' }, { to: 'city', provinceless: true }]) {
    expect(programOf({ ...address, with: config })).toMatchObject({ ok: false });
  }
});
