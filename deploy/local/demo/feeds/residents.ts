/** Synthetic persons with valid check digits. Nobody here exists: names, numbers and addresses are drawn, not collected. */
import { residentIdCheckDigit } from '../../../../libs/identifiers/index.ts';
import type { Random } from './random.ts';
import { randomAt } from './random.ts';

export interface Resident {
  readonly residentId: string;
  readonly name: string;
  /** 11 digits. */
  readonly phone: string;
  /** Days since 1970-01-01, negative before. */
  readonly birthDays: number;
  readonly sex: 'male' | 'female';
  readonly districtCode: string;
  readonly address: string;
}

/** Districts of Hangzhou (GB/T 2260). */
const districts = [
  ['330108', '滨江区', ['长河街道', '西兴街道', '浦沿街道'], ['江南大道', '滨盛路', '网商路', '春晓路', '闻涛路', '江陵路']],
  ['330109', '萧山区', ['城厢街道', '北干街道', '宁围街道'], ['市心中路', '金城路', '通惠南路', '建设三路']],
  ['330106', '西湖区', ['文新街道', '古荡街道', '翠苑街道'], ['文三路', '天目山路', '古墩路', '学院路']],
  ['330105', '拱墅区', ['大关街道', '祥符街道', '米市巷街道'], ['莫干山路', '上塘路', '丰潭路', '湖州街']],
  ['330110', '余杭区', ['五常街道', '仓前街道', '良渚街道'], ['文一西路', '高教路', '荆长大道', '余杭塘路']],
] as const;

const surnames = [
  ...'王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦',
];
const compoundSurnames = ['欧阳', '司马', '上官', '诸葛', '皇甫', '尉迟'];
/** The last one lies outside the Basic Multilingual Plane: one character, two UTF-16 units. */
const rareSurnames = ['\u{20BB7}'];
const givenSigns = [
  ...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂文辉玲玉建华梅鑫波斌宇浩凯健俊帆雪琴云莉萍红飞鹏晨欣佳琪雨泽子轩梓涵思怡嘉诚天翔国庆海燕晓东志远',
];
const communities = ['滨江花园', '钱塘春晓苑', '星光名邸', '江南豪庭', '缤纷小区', '风雅钱塘苑', '中兴花园', '东方郡'];
const mobilePrefixes = [
  '134',
  '135',
  '136',
  '137',
  '138',
  '139',
  '150',
  '151',
  '158',
  '159',
  '182',
  '187',
  '188',
  '130',
  '131',
  '186',
  '133',
  '153',
  '189',
  '199',
];

/** `count` residents; the same seed gives the same ones. Two thirds live where the publisher is. */
export function makeResidents(seed: number, count: number): readonly Resident[] {
  return Array.from({ length: count }, (_, index) => makeResident(randomAt(seed, index)));
}

function makeResident(random: Random): Resident {
  const district = random.chance(0.66) ? districts[0] : random.pick(districts);
  const [districtCode, districtName, streets, roads] = district;
  // Ages from 1 to 95, fewer of the very old; the day counts are of 1930-07-01 and 2025-06-30.
  const birthDays = -14_428 + Math.floor((random.below(34_698) + random.below(34_698)) / 2);
  const birthText = new Date(birthDays * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  const registeredIn = random.chance(0.6) ? districtCode : random.pick(districts)[0];
  const sequence = String(random.below(999) + 1).padStart(3, '0');
  const first17 = registeredIn + birthText + sequence;
  const house = `${random.below(1800) + 1}号${random.pick(communities)}${random.below(24) + 1}幢${random.below(4) + 1}单元${random.below(28) + 1}0${random.below(4) + 1}室`;
  return {
    residentId: first17 + residentIdCheckDigit(first17),
    name: makeName(random),
    phone: random.pick(mobilePrefixes) + random.digits(8),
    birthDays,
    sex: Number(sequence) % 2 === 1 ? 'male' : 'female',
    districtCode,
    address: `浙江省杭州市${districtName}${random.pick(streets)}${random.pick(roads)}${house}`,
  };
}

function makeName(random: Random): string {
  const roll = random.below(1000);
  const surname = roll < 2 ? random.pick(rareSurnames) : roll < 25 ? random.pick(compoundSurnames) : random.pick(surnames);
  return surname + random.pick(givenSigns) + (random.chance(0.75) ? random.pick(givenSigns) : '');
}
