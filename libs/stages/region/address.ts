/**
 * Where the parts of a Chinese postal address end. A part ends behind its marker character; a road, a house number, a village or any character
 * that is no Han character ends the search, so that nothing finer is ever taken for a part. What is in doubt is no part.
 */
import { provinceOf } from '../../identifiers/index.ts';

export type AddressLevel = 'province' | 'city' | 'district' | 'street';

interface PartRule {
  /** What a name of this level ends with. */
  readonly markers: readonly string[];
  /** What says, from the second character of a name on, that it is none of this level. */
  readonly stops: readonly string[];
  /** Whole names that have a marker or a stop of another part inside. */
  readonly names: readonly string[];
  readonly charactersMax: number;
}

const fine = ['路', '大道', '街', '巷', '弄', '号', '村', '栋', '幢', '楼', '室'];
/** Compounds with a marker that name no division. */
const noDivisions = [
  '小区',
  '社区',
  '校区',
  '厂区',
  '景区',
  '院区',
  '片区',
  '库区',
  '工业区',
  '生活区',
  '服务区',
  '家属区',
  '住宅区',
  '宿舍区',
  '市场',
  '超市',
  '城市',
  '夜市',
  '集市',
  '菜市',
];

const rules: Readonly<Record<Exclude<AddressLevel, 'province'>, PartRule>> = {
  city: {
    markers: ['市', '地区', '自治州', '盟'],
    stops: [...fine, '区', '县', '旗', '镇', '乡'],
    names: ['景德镇市', '新乡市', '萍乡市', '桐乡市', '宁乡市', '湘乡市'],
    charactersMax: 12,
  },
  district: {
    markers: ['区', '县', '旗', '市'],
    stops: [...fine, '镇', '乡'],
    names: [
      '沙市区',
      '新市区',
      '津市市',
      '社旗县',
      '周村区',
      '武乡县',
      '柏乡县',
      '新乡县',
      '金乡县',
      '内乡县',
      '西乡县',
      '桐乡市',
      '宁乡市',
      '宁乡县',
      '湘乡市',
      '东乡区',
      '东乡县',
      '东乡族自治县',
      '积石山保安族东乡族撒拉族自治县',
      '鼓楼区',
      '钟楼区',
      '黄楼区',
      '岳阳楼区',
    ],
    charactersMax: 16,
  },
  street: {
    markers: ['街道', '镇', '乡', '苏木'],
    stops: [...fine, '区', '市', '县'],
    names: [],
    charactersMax: 12,
  },
};

/** Cities of the second level that have no districts; streets and towns stand right below them. */
const undivided = new Set(['东莞市', '中山市', '儋州市', '嘉峪关市']);

/**
 * The address up to the end of the part, or null when it has no such part or a coarser one is missing; only the province may be, and only when
 * `provinceless` says so. Where a city is a province or has no districts, it stands for the level that it lacks.
 */
export function addressTo(address: string, level: AddressLevel, provinceless: boolean): string | null {
  const province = provinceOf(address);
  if (level === 'province' || (province === null && !provinceless)) return province?.name ?? null;
  const provinceEnd = province?.name.length ?? 0;
  const cityEnd = province?.isCity === true ? behindRepeat(address, province.name) : partEnd(address, provinceEnd, rules.city);
  if (cityEnd === null) return null;
  if (level === 'city') return address.slice(0, cityEnd);
  const districtEnd = undivided.has(address.slice(provinceEnd, cityEnd)) ? cityEnd : partEnd(address, cityEnd, rules.district);
  if (districtEnd === null) return null;
  if (level === 'district') return address.slice(0, districtEnd);
  const streetEnd = partEnd(address, districtEnd, rules.street);
  return streetEnd === null ? null : address.slice(0, streetEnd);
}

/** Forms write a municipality as province and city both, or put the city's own name for its districts between. */
function behindRepeat(address: string, name: string): number {
  const rest = address.slice(name.length);
  for (const filler of [name, '市辖区']) if (rest.startsWith(filler)) return name.length + filler.length;
  return name.length;
}

/** Where the part that begins at `from` ends, or null. */
function partEnd(address: string, from: number, { markers, stops, names, charactersMax }: PartRule): number | null {
  const known = names.find((name) => address.startsWith(name, from));
  if (known !== undefined) return from + known.length;
  for (let at = from; at < from + charactersMax; at += 1) {
    const startsHere = (word: string): boolean => address.startsWith(word, at);
    if (!/^[\u4E00-\u9FFF]$/.test(address.charAt(at))) return null;
    if (noDivisions.some(startsHere)) return null;
    if (at === from) continue;
    const marker = markers.find(startsHere);
    if (marker !== undefined) return at + marker.length;
    const stop = stops.find(startsHere);
    // A street (街道) may be named after a road or a village.
    if (stop !== undefined && !(markers.includes('街道') && startsHere(`${stop}街道`))) return null;
  }
  return null;
}
