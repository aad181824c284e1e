/** Outpatient visits of a district, generated: workload W1. All persons are synthetic, with valid check digits. */
import type { Random } from './random.ts';
import { randomAt, zipf } from './random.ts';
import type { Resident } from './residents.ts';
import { makeResidents } from './residents.ts';

/** Plain values by field name, as `datasets/clinic-visits/schema.avsc` describes them. */
export interface ClinicVisit {
  readonly visitId: string;
  readonly residentId: string;
  readonly name: string;
  readonly phone: string;
  /** Days since 1970-01-01. */
  readonly birthDate: number;
  readonly sex: 'male' | 'female' | 'unknown';
  readonly districtCode: string;
  readonly address: string;
  readonly diagnosisCode: string;
  readonly dept: string;
  /** Yuan. */
  readonly cost: number;
  readonly paidBy: string | null;
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly visitTime: number;
  readonly notes: string | null;
  readonly tags: readonly string[];
}

export const clinicVisitsSeed = 330_108;

const residentCount = 20_000;
const firstVisitMs = Date.UTC(2026, 0, 5, 0, 0);

/** Departments with their weight in a hundred and the ICD-10 codes seen there. */
const departments = [
  { dept: 'internal', weight: 38, codes: ['I10', 'E11.9', 'J06.9', 'J20.9', 'K29.5', 'E78.5', 'I25.1', 'N39.0', 'K21.0'] },
  { dept: 'surgery', weight: 17, codes: ['K35.8', 'L02.4', 'K80.2', 'S61.9', 'I83.9', 'K40.9'] },
  { dept: 'pediatrics', weight: 17, codes: ['J06.9', 'J18.9', 'A08.4', 'B08.4', 'H66.9', 'J45.9'] },
  { dept: 'emergency', weight: 13, codes: ['R07.4', 'R10.4', 'S93.4', 'T78.4', 'R50.9', 'S06.0'] },
  { dept: 'orthopedics', weight: 6, codes: ['M54.5', 'M17.9', 'S82.6', 'M75.1'] },
  { dept: 'dermatology', weight: 5, codes: ['L20.9', 'L50.9', 'B35.3', 'L70.0'] },
  { dept: 'ophthalmology', weight: 4, codes: ['H52.1', 'H10.9', 'H04.1', 'H25.9'] },
] as const;
/** Who was born before 2010-01-01 sees internal medicine, not pediatrics. */
const adultBirthDays = 14_610;
const departmentByHundred = departments.flatMap((item) => Array.from({ length: item.weight }, () => item));

const payers = ['职工基本医疗保险', '城乡居民基本医疗保险', '商业健康保险', '大病保险'];
const tagLists: readonly (readonly string[])[] = [
  ['普通门诊', '复诊'],
  ['复诊', '慢病管理'],
  ['初诊', '家庭医生签约'],
  ['复诊', '医保电子凭证'],
  ['初诊', '线上预约'],
];
const complaints = [
  '反复头晕两周',
  '咳嗽咳痰三天',
  '发热伴咽痛一天',
  '腰痛活动受限',
  '上腹隐痛一月',
  '血压控制欠佳',
  '皮疹伴瘙痒五日',
  '血糖监测偏高',
];
const advices = ['建议一周后复查', '继续目前用药', '完善血常规检查', '注意休息多饮水', '低盐低脂饮食', '如加重随时就诊'];

/** An endless feed from the visit at `start` on: the visit at an index depends on the seed and the index only. */
export function* clinicVisits(options: { seed?: number; start?: number } = {}): Generator<ClinicVisit, never, void> {
  const seed = options.seed ?? clinicVisitsSeed;
  const residents = makeResidents(seed, residentCount);
  const drawRank = zipf(residentCount);
  for (let index = options.start ?? 0; ; index += 1) {
    const random = randomAt(seed ^ 0x5_1ce, index);
    const resident = residents[drawRank(random)];
    if (resident === undefined) throw new RangeError('a rank lies outside the residents');
    yield makeVisit(random, resident, index);
  }
}

function makeVisit(random: Random, resident: Resident, index: number): ClinicVisit {
  const drawn = departmentByHundred[random.below(100)] ?? departments[0];
  const department = drawn.dept === 'pediatrics' && resident.birthDays < adultBirthDays ? departments[0] : drawn;
  const cents = random.chance(0.1) ? 500 + random.below(4_500) : 5_000 + Math.floor((random.below(1000) / 1000) ** 2 * 120_000);
  return {
    visitId: makeUuid(random),
    residentId: resident.residentId,
    name: resident.name,
    phone: resident.phone,
    birthDate: resident.birthDays,
    sex: random.chance(0.01) ? 'unknown' : resident.sex,
    districtCode: resident.districtCode,
    address: resident.address,
    diagnosisCode: random.pick(department.codes),
    dept: department.dept,
    cost: cents / 100,
    paidBy: random.chance(0.08) ? null : random.pick(payers),
    visitTime: firstVisitMs + index * 700 + random.below(700),
    notes: random.chance(1 / 3) ? null : `${random.pick(complaints)}，${random.pick(advices)}。`,
    tags: random.chance(0.02) ? [] : random.pick(tagLists),
  };
}

/** A version 4 UUID of the seeded source (RFC 9562, section 5.4). */
function makeUuid(random: Random): string {
  const hex = (): string => random.next().toString(16).padStart(8, '0');
  const [a, b, c, d] = [hex(), hex(), hex(), hex()];
  const variant = ((Number.parseInt(c.charAt(0), 16) & 0x3) | 0x8).toString(16);
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
}
