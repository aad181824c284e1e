/** Titles and keywords of a catalogue of public data, in Chinese and English, and what people look for in it. Synthetic. */

type Pair = readonly [zh: string, en: string];

const districts: readonly Pair[] = [
  ['滨江区', 'Binjiang'],
  ['上城区', 'Shangcheng'],
  ['拱墅区', 'Gongshu'],
  ['西湖区', 'Xihu'],
  ['萧山区', 'Xiaoshan'],
  ['余杭区', 'Yuhang'],
  ['临平区', 'Linping'],
  ['钱塘区', 'Qiantang'],
  ['富阳区', 'Fuyang'],
  ['临安区', "Lin'an"],
  ['桐庐县', 'Tonglu'],
  ['淳安县', "Chun'an"],
  ['建德市', 'Jiande'],
  ['鄞州区', 'Yinzhou'],
  ['海曙区', 'Haishu'],
  ['越城区', 'Yuecheng'],
  ['柯桥区', 'Keqiao'],
  ['吴兴区', 'Wuxing'],
  ['南湖区', 'Nanhu'],
  ['婺城区', 'Wucheng'],
];

interface Subject {
  readonly name: Pair;
  readonly theme: string;
  readonly keywords: readonly string[];
}

const subjects: readonly Subject[] = [
  { name: ['门诊就诊', 'outpatient visits'], theme: 'health', keywords: ['门诊', '医院', 'clinic'] },
  { name: ['疫苗接种', 'vaccinations'], theme: 'health', keywords: ['疫苗', '免疫', 'vaccine'] },
  { name: ['急救出车', 'ambulance dispatches'], theme: 'health', keywords: ['急救', '120', 'emergency'] },
  { name: ['停车场泊位', 'parking spaces'], theme: 'transport', keywords: ['停车', '泊位', 'parking'] },
  { name: ['公交到站', 'bus arrivals'], theme: 'transport', keywords: ['公交', '客运', 'bus'] },
  { name: ['地铁客流', 'metro passengers'], theme: 'transport', keywords: ['地铁', '客流', 'metro'] },
  { name: ['道路拥堵', 'road congestion'], theme: 'transport', keywords: ['道路', '拥堵', 'traffic'] },
  { name: ['共享单车', 'shared bicycles'], theme: 'transport', keywords: ['单车', '骑行', 'bicycle'] },
  { name: ['空气质量', 'air quality'], theme: 'environment', keywords: ['空气', '监测', 'PM2.5'] },
  { name: ['河道水质', 'river water quality'], theme: 'environment', keywords: ['水质', '河长', 'water'] },
  { name: ['垃圾清运', 'waste collection'], theme: 'environment', keywords: ['垃圾', '分类', 'waste'] },
  { name: ['企业登记', 'company registrations'], theme: 'economy', keywords: ['企业', '工商', 'company'] },
  { name: ['用电负荷', 'power load'], theme: 'energy', keywords: ['用电', '负荷', 'power'] },
  { name: ['燃气用量', 'gas consumption'], theme: 'energy', keywords: ['燃气', '用量', 'gas'] },
  { name: ['光伏发电', 'solar generation'], theme: 'energy', keywords: ['光伏', '发电', 'solar'] },
  { name: ['房屋租赁', 'housing leases'], theme: 'housing', keywords: ['房屋', '租赁', 'housing'] },
  { name: ['不动产登记', 'real estate titles'], theme: 'housing', keywords: ['不动产', '登记', 'estate'] },
  { name: ['学位供给', 'school places'], theme: 'education', keywords: ['学位', '学校', 'school'] },
  { name: ['招聘岗位', 'job openings'], theme: 'labour', keywords: ['招聘', '岗位', 'jobs'] },
  { name: ['社保缴纳', 'social insurance'], theme: 'labour', keywords: ['社保', '缴纳', 'insurance'] },
  { name: ['海关报关', 'customs declarations'], theme: 'trade', keywords: ['海关', '报关', 'customs'] },
  { name: ['快递揽收', 'parcel pickups'], theme: 'trade', keywords: ['快递', '物流', 'parcel'] },
  { name: ['农产品价格', 'farm product prices'], theme: 'agriculture', keywords: ['农产品', '价格', 'prices'] },
  { name: ['景区客流', 'scenic area visitors'], theme: 'culture', keywords: ['景区', '旅游', 'tourism'] },
  { name: ['气象观测', 'weather observations'], theme: 'environment', keywords: ['气象', '观测', 'weather'] },
];

const kinds: readonly Pair[] = [
  ['明细', 'details'],
  ['日汇总', 'daily totals'],
  ['月度统计', 'monthly statistics'],
  ['实时数据', 'live data'],
  ['历史记录', 'history'],
  ['异常告警', 'alerts'],
  ['基础台账', 'register'],
  ['空间分布', 'spatial distribution'],
  ['趋势预测', 'forecast'],
  ['质量评估', 'quality review'],
];

export interface CatalogEntry {
  readonly titleZh: string;
  readonly titleEn: string;
  readonly theme: string;
  readonly keywords: string[];
  readonly description: string;
}

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** Every combination once before the first comes again, with the number of its edition. */
export function catalogEntry(index: number): CatalogEntry {
  const [subject, district] = [at(subjects, index), at(districts, Math.floor(index / subjects.length))];
  const kind = at(kinds, Math.floor(index / (subjects.length * districts.length)));
  const edition = 1 + Math.floor(index / (subjects.length * districts.length * kinds.length));
  const [zh, en] = subject.name;
  return {
    titleZh: `${district[0]}${zh}${kind[0]}（第${edition}期）`,
    titleEn: `${district[1]} ${en}, ${kind[1]}, edition ${edition}`,
    theme: subject.theme,
    keywords: [...subject.keywords, kind[0]],
    description: `${district[0]}${zh}的${kind[0]}，由主管部门按公共数据目录编制并持续更新。 ${en} of ${district[1]} as its department keeps them.`,
  };
}

/** What is asked of the search: queries of `/v1/datasets`, without the question mark. All different. */
export function searchQueries(): string[] {
  const q = (text: string, more = ''): string => `q=${encodeURIComponent(text)}${more}`;
  const words = subjects.flatMap(({ name: [zh, en], keywords }) => [q(zh), q(en), q(keywords[0] ?? '')]);
  const together = subjects.slice(0, 12).map(({ name: [zh] }, index) => q(`${at(districts, index)[0]} ${zh}`));
  const inBoth = subjects.slice(12, 20).map(({ keywords: [zh, , en] }) => q(`${zh} ${en}`));
  const filtered = subjects
    .slice(0, 10)
    .map(({ name: [zh], theme }, index) => q(zh, `&theme=${theme}&level=L${1 + (index % 3)}`));
  // What every title has, one letter, one character, a part of a word, what nothing has.
  const odd = [
    '数据',
    'of',
    'e',
    '水',
    'park',
    '第1期',
    'quality',
    '没有这样的数据集',
    'no such thing',
    '滨江 parking',
    '明细 details',
  ];
  return [...words, ...together, ...inBoth, ...filtered, ...odd.map((text) => q(text))];
}

export const themes: readonly string[] = [...new Set(subjects.map(({ theme }) => theme))];
