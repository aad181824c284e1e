import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, frameHeaderBytes, fromJson, fromText, parseSchema } from '../../../libs/avro/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { checkTightens, describeFields } from '../../../libs/catalog/index.ts';
import { compile } from '../../../libs/govern/index.ts';
import { bankCardIsValid, mobileNumber, parseResidentId, socialCreditCodeIsValid } from '../../../libs/identifiers/index.ts';
import { parseBaseline, parseOffer, parsePolicy } from '../../../libs/odrl/index.ts';
import { stages } from '../../../libs/stages/index.ts';
import { encodeVisit, faultAt } from './feeds/clinic-visits-feed.ts';
import type { ClinicVisit } from './feeds/clinic-visits.ts';
import { clinicVisits, clinicVisitsSeed } from './feeds/clinic-visits.ts';
import { customsOrders } from './feeds/customs-orders.ts';
import { sensorFiles } from './feeds/file-feeds.ts';
import { hsHeadings } from './feeds/hs-headings.ts';
import { demoDirectory, readDataset, readDatasetPolicy } from './load.ts';
import { demoAgreements, demoDatasets, demoParticipants } from './participants.ts';

const schemaOf = (dataset: string): AvroSchema => unwrap(parseSchema(readDataset(dataset).schemaText));

function take<T>(count: number, items: Iterator<T>): T[] {
  return Array.from({ length: count }, () => items.next().value as T);
}

describe('policies and datasets', () => {
  test('every policy compiles against the schema of its dataset, between participants of the demo', () => {
    const ids = new Map(demoParticipants.map(({ id, roles }) => [id, roles[0]]));
    for (const id of demoAgreements) {
      const text = readFileSync(path.join(demoDirectory(), 'policies', `${id}.yaml`), 'utf8');
      const terms = unwrap(parsePolicy(parseYaml(text)));
      expect(terms.agreement).toBe(id);
      expect(ids.get(terms.assigner)).toBe('publisher');
      expect(terms.assigner).toBe(readDataset(terms.dataset).description.publisher);
      expect(['subscriber', 'platform']).toContain(ids.get(terms.assignee));
      unwrap(compile({ schema: schemaOf(terms.dataset), terms, stages }));
    }
  });

  test('every agreement and offer is at least as strict as the baseline of its dataset, which binds every field that is tagged as direct', () => {
    const policies = demoAgreements.map((id) =>
      unwrap(parsePolicy(parseYaml(readFileSync(path.join(demoDirectory(), 'policies', `${id}.yaml`), 'utf8')))),
    );
    for (const dataset of demoDatasets) {
      const [schema, baseline] = [schemaOf(dataset), unwrap(parseBaseline(readDatasetPolicy(dataset, 'baseline')))];
      const offer = unwrap(parseOffer(readDatasetPolicy(dataset, 'offer')));
      expect([baseline.dataset, offer.dataset, offer.assigner]).toEqual([
        dataset,
        dataset,
        readDataset(dataset).description.publisher,
      ]);
      unwrap(compile({ schema, terms: offer, stages }));
      for (const policy of [offer, ...policies.filter((candidate) => candidate.dataset === dataset)])
        unwrap(checkTightens({ schema, baseline, policy, stages }));
      const fields = describeFields(schema);
      expect(fields.filter(({ tag }) => tag === null)).toEqual([]);
      const bound = new Set(baseline.rules.flatMap(({ at }) => at));
      expect(fields.filter(({ tag, path: at }) => tag === 'direct-identifier' && !bound.has(at))).toEqual([]);
    }
  });

  test('the lists name every file, and the policies use stages that exist, at least eight of them', () => {
    const files = readdirSync(path.join(demoDirectory(), 'policies'));
    expect(files.sort()).toEqual(demoAgreements.map((id) => `${id}.yaml`).sort());
    expect(readdirSync(path.join(demoDirectory(), 'datasets')).sort()).toEqual([...demoDatasets].sort());
    const texts = files.map((file) => readFileSync(path.join(demoDirectory(), 'policies', file), 'utf8'));
    const used = new Set(texts.flatMap((text) => [...text.matchAll(/stage: '?([a-z-]+)/g)].map(([, name]) => name)));
    const names = new Set(stages.map(({ name }) => name));
    expect([...used].filter((name) => name === undefined || !names.has(name))).toEqual([]);
    expect(used.size).toBeGreaterThanOrEqual(8);
  });
});

describe('clinic visits', () => {
  const schema = schemaOf('clinic-visits');

  test('the first 10,000 records are the same bytes everywhere: the seed and SHA-256 of workload W1', () => {
    const hash = createHash('sha256');
    for (const visit of take(10_000, clinicVisits())) hash.update(encodeVisit(schema, visit));
    expect([clinicVisitsSeed, hash.digest('hex')]).toEqual([
      330_108,
      'dcf76bb4a6c4bc55e867f2273cc2a1359edefb3a403b4d5ccf31d4b347193cd6',
    ]);
  });

  test('have the size, the missing notes and the pass rate of workload W1', () => {
    const visits = take(20_000, clinicVisits());
    const sizes = visits.map((visit) => encodeVisit(schema, visit).length + frameHeaderBytes);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(Math.abs(mean - 289)).toBeLessThan(15);
    const rate = (test: (visit: ClinicVisit) => boolean): number => visits.filter(test).length / visits.length;
    expect(rate(({ notes }) => notes === null)).toBeCloseTo(1 / 3, 1);
    const passing = ['internal', 'surgery', 'pediatrics', 'emergency'];
    const passRate = rate(({ cost, dept }) => cost >= 50 && passing.includes(dept));
    expect(passRate).toBeGreaterThan(0.74);
    expect(passRate).toBeLessThan(0.79);
  });

  test('are of synthetic persons with valid numbers, and a few residents make most of them', () => {
    const visits = take(20_000, clinicVisits());
    const count = new Map<string, number>();
    for (const { residentId, phone, sex, birthDate } of visits) {
      const parsed = parseResidentId(residentId);
      expect(mobileNumber(phone)).toBe(phone);
      expect(parsed?.birthDate).toBe(new Date(birthDate * 86_400_000).toISOString().slice(0, 10));
      expect([parsed?.sex, 'unknown']).toContain(sex);
      count.set(residentId, (count.get(residentId) ?? 0) + 1);
    }
    expect(count.size).toBeGreaterThan(5_000);
    expect(Math.max(...count.values())).toBeGreaterThan(1_000);
    expect(new Set(visits.map(({ visitId }) => visitId)).size).toBe(visits.length);
  });

  test('start anywhere without the ones before', () => {
    expect(take(5, clinicVisits({ start: 1_000 }))).toEqual(take(1_005, clinicVisits()).slice(1_000));
  });

  test('are spoilt in turn by date and by truncation, one in so many', () => {
    const faults = Array.from({ length: 40 }, (_, index) => faultAt(index, 10));
    expect(faults.flatMap((fault, index) => (fault === 'none' ? [] : [[index, fault]]))).toEqual([
      [9, 'birth-date'],
      [19, 'truncated'],
      [29, 'birth-date'],
      [39, 'truncated'],
    ]);
    expect(faultAt(9, 0)).toBe('none');
  });
});

describe('customs orders', () => {
  test('fit their schema, with real headings and valid numbers', () => {
    const schema = schemaOf('customs-orders');
    const codes = new Set(hsHeadings.map(({ code }) => code));
    expect(codes.size).toBe(hsHeadings.length);
    for (const order of take(2_000, customsOrders())) {
      unwrap(codecOf(schema).encode(unwrap(fromJson(schema, JSON.parse(JSON.stringify(order))))));
      expect(parseResidentId(order.buyerId)).not.toBeNull();
      expect(socialCreditCodeIsValid(order.sellerCode)).toBe(true);
      expect(order.bankCard === null || bankCardIsValid(order.bankCard)).toBe(true);
      expect(codes.has(order.hsCode)).toBe(true);
    }
  });
});

describe('sensor readings', () => {
  test('come as one table a sensor whose rows fit the schema', () => {
    const schema = schemaOf('machine-sensors');
    const files = sensorFiles('reading,mote_id,indoor,humidity,temperature,label\n1,1,1,45.93,27.97,0\n1,3,0,35.3,33.25,1\n');
    expect(files.map(({ name, rows }) => [name, rows])).toEqual([
      ['qjm-0001.csv', 1],
      ['qjm-0003.csv', 1],
    ]);
    const [header = '', row = ''] = (files[1]?.csv ?? '').split('\n');
    const texts = row.split(',');
    const value = unwrap(
      fromText(schema, Object.fromEntries(header.split(',').map((name, index) => [name, texts[index] ?? '']))),
    );
    expect(value).toEqual({
      deviceId: 'QJM-0003',
      site: 'outdoor',
      reading: 1,
      humidity: 35.3,
      temperature: 33.25,
      anomaly: true,
    });
  });
});
