/**
 * What must leave under each agreement of the demo, written plainly from its policy file, without the compiler, the stages or the
 * interpreter. Input rows are plain JSON; the answer is the governed row as plain JSON, or null where the row is withheld.
 */
import { createHmac, hkdfSync } from 'node:crypto';

export type Row = Readonly<Record<string, unknown>>;
export type Expectation = (row: Row) => { readonly value: Row; readonly key: string | null } | null;

/** HMAC-SHA256 token of a field under an agreement's data key. */
type Token = (field: string, text: unknown, length: number) => string;

const tokenOf =
  (dataKey: Uint8Array, dataset: string): Token =>
  (field, text, length) => {
    const fieldKey = Buffer.from(hkdfSync('sha256', dataKey, '', `sluice/1/${dataset}/pseudonymize/${field}`, 32));
    return createHmac('sha256', fieldKey).update(String(text)).digest('hex').slice(0, length);
  };

const characters = (text: unknown): string[] => Array.from(String(text));
const firstOf = (text: unknown, count: number): string => characters(text).slice(0, count).join('');
const lastOf = (text: unknown, count: number): string => characters(text).slice(-count).join('');
const yearsBand = (date: unknown, width: number): string => {
  const year = Number(String(date).slice(0, 4));
  const low = year - (year % width);
  return `${low}/${low + width - 1}`;
};
const floorTo = (value: unknown, width: number): number => Math.floor(Number(value) / width) * width;
const maskedName = (name: unknown): string => (characters(name).length <= 1 ? '**' : `${firstOf(name, 1)}**`);
const maskedPhone = (phone: unknown): string =>
  characters(phone).length <= 7 ? '****' : `${firstOf(phone, 3)}****${lastOf(phone, 4)}`;

export function expectations(
  dataKeys: Readonly<Record<string, Uint8Array>>,
): Readonly<Record<string, { dataset: string; expect: Expectation }>> {
  const token = (agreement: string, dataset: string): Token => tokenOf(dataKeys[agreement] ?? new Uint8Array(), dataset);
  const research = token('clinic-research', 'clinic-visits');
  const regional = token('clinic-regional', 'clinic-visits');
  const national = token('orders-national', 'customs-orders');
  const sensors = token('sensors-quality', 'machine-sensors');
  return {
    'clinic-research': {
      dataset: 'clinic-visits',
      expect: (row) => {
        if (Number(row['cost']) < 50 || !['internal', 'surgery', 'pediatrics', 'emergency'].includes(String(row['dept'])))
          return null;
        const { notes: _notes, ...kept } = row;
        const residentId = research('residentId', row['residentId'], 32);
        const value = {
          ...kept,
          visitId: research('visitId', row['visitId'], 32),
          residentId,
          name: maskedName(row['name']),
          phone: maskedPhone(row['phone']),
          birthDate: yearsBand(row['birthDate'], 5),
          districtCode: firstOf(row['districtCode'], 4),
          address: firstOf(row['address'], 9),
        };
        return { value, key: residentId };
      },
    },
    'clinic-regional': {
      dataset: 'clinic-visits',
      expect: (row) => {
        const { name: _name, phone: _phone, address: _address, notes: _notes, tags: _tags, ...kept } = row;
        const residentId = regional('residentId', row['residentId'], 32);
        const value = {
          ...kept,
          visitId: regional('visitId', row['visitId'], 32),
          residentId,
          birthDate: yearsBand(row['birthDate'], 10),
          diagnosisCode: firstOf(row['diagnosisCode'], 3),
          cost: floorTo(row['cost'], 100),
        };
        return { value, key: residentId };
      },
    },
    'orders-national': {
      dataset: 'customs-orders',
      expect: (row) => {
        if (Number(row['amount']) < 20) return null;
        const value = {
          ...row,
          orderId: national('orderId', row['orderId'], 32),
          buyerId: national('buyerId', row['buyerId'], 32),
          buyerName: maskedName(row['buyerName']),
          buyerPhone: maskedPhone(row['buyerPhone']),
          buyerAddress: firstOf(row['buyerAddress'], 6),
          bankCard: null,
        };
        return { value, key: null };
      },
    },
    'sensors-quality': {
      dataset: 'machine-sensors',
      expect: (row) => {
        if (!(Number(row['humidity']) > 0 && Number(row['temperature']) < 60)) return null;
        return {
          value: { ...row, deviceId: sensors('deviceId', row['deviceId'], 16), reading: floorTo(row['reading'], 10) },
          key: null,
        };
      },
    },
    'flights-analytics': {
      dataset: 'flights',
      expect: (row) => {
        if (Number(row['distance']) < 200) return null;
        const value = { ...row, date: `${String(row['date']).slice(0, 7)}-01T00:00:00.000Z`, delay: floorTo(row['delay'], 15) };
        return { value, key: null };
      },
    },
  };
}
