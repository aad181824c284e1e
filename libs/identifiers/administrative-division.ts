/** The provinces, and what of them a code or an address begins with. Source: GB/T 2260-2007, first level; names as they are written in full. */

/** First two digits of a code to the full name. */
export const provinces: ReadonlyMap<string, string> = new Map([
  ['11', '北京市'],
  ['12', '天津市'],
  ['13', '河北省'],
  ['14', '山西省'],
  ['15', '内蒙古自治区'],
  ['21', '辽宁省'],
  ['22', '吉林省'],
  ['23', '黑龙江省'],
  ['31', '上海市'],
  ['32', '江苏省'],
  ['33', '浙江省'],
  ['34', '安徽省'],
  ['35', '福建省'],
  ['36', '江西省'],
  ['37', '山东省'],
  ['41', '河南省'],
  ['42', '湖北省'],
  ['43', '湖南省'],
  ['44', '广东省'],
  ['45', '广西壮族自治区'],
  ['46', '海南省'],
  ['50', '重庆市'],
  ['51', '四川省'],
  ['52', '贵州省'],
  ['53', '云南省'],
  ['54', '西藏自治区'],
  ['61', '陕西省'],
  ['62', '甘肃省'],
  ['63', '青海省'],
  ['64', '宁夏回族自治区'],
  ['65', '新疆维吾尔自治区'],
  ['71', '台湾省'],
  ['81', '香港特别行政区'],
  ['82', '澳门特别行政区'],
]);

/** Provinces that are a city themselves: what stands below them is a district. */
const cityProvinces = new Set(['11', '12', '31', '50', '81', '82']);

/**
 * Whether the text is six ASCII digits that begin with the code of a province. Cities and districts are not looked up: codes of abolished ones
 * stay in use in documents.
 */
export const divisionCodeIsWellFormed = (code: string): boolean => /^[0-9]{6}$/.test(code) && provinces.has(code.slice(0, 2));

/** The province whose full name the address begins with, and whether it is a city as well; null for an address that begins otherwise. */
export function provinceOf(address: string): { readonly name: string; readonly isCity: boolean } | null {
  for (const [code, name] of provinces) if (address.startsWith(name)) return { name, isCity: cityProvinces.has(code) };
  return null;
}
