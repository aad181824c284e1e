/** The figures of a data plane, as Prometheus reads them from a running one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, topicNames, unwrap } from '../../libs/base/index.ts';
import type { Telemetry } from '../../libs/telemetry/index.ts';
import { metricNames, startTelemetry } from '../../libs/telemetry/index.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { AgreementLabels } from './agreement-labels.ts';
import { HealthModule } from './app.module.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';
import type { Sample } from './prometheus-text-fixture.ts';
import { parsePrometheusText } from './prometheus-text-fixture.ts';
import type { DataPlane } from './start.ts';

const tokens = programOf('tokens');
let telemetry: Telemetry;

beforeAll(async () => {
  telemetry = unwrap(await startTelemetry({ serviceName: 'test', metricsText: true }));
});

afterAll(() => telemetry.shutdown());

const samplesOf = async (name: string, labels: Readonly<Record<string, string>>): Promise<Sample[]> => {
  const family = parsePrometheusText(await telemetry.metricsText()).get(name);
  return (family?.samples ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
};

const sum = (samples: readonly Sample[]): number => samples.reduce((total, { value }) => total + value, 0);

describe('a data plane that is watched', () => {
  let fixture: PlaneFixture;
  let plane: DataPlane;
  let app: INestApplication;
  let url: string;
  let reachable = false;

  beforeAll(async () => {
    fixture = await PlaneFixture.open();
    plane = await fixture.start({
      agreementSeriesMax: 2,
      registry: {
        schemaById: (id) =>
          Promise.resolve(reachable ? fail('schema-unknown', `no schema ${id}`) : fail('registry-unreachable', 'it is away')),
      },
    });
    app = await NestFactory.create(HealthModule.with(plane, telemetry), new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  }, 60_000);

  afterAll(async () => {
    await app?.close();
    await fixture?.close();
  }, 60_000);

  test('outcomes add up to what was published, and agreements beyond the bound are added up as one', async () => {
    const [dataset, ...agreements] = await fixture.dataset(2, 3);
    for (const agreement of agreements) await fixture.direct(dataset, agreement, tokens);
    await fixture.numbers(dataset, 0, 0, 100);
    const poison = Buffer.from([9, 9, 9]);
    await fixture.publish(dataset, 1, [
      ...[-1, -2, -3, -4].map((number) => visit(number)),
      poison,
      visit(100),
      poison,
      visit(101),
    ]);
    for (const agreement of agreements) await fixture.receipts(dataset, agreement, 108);
    const records = await samplesOf('sluice_agreement_records_total', { dataset });
    const of = (outcome: string): number => sum(records.filter(({ labels }) => labels['outcome'] === outcome));
    expect([of('governed'), of('withheld'), of('refused')]).toEqual([3 * 102, 3 * 4, 3 * 2]);
    const shown = new Set(records.map(({ labels }) => labels['agreement']));
    expect(shown.size).toBe(3);
    expect(shown.has('(other)')).toBe(true);
    expect(agreements.filter((agreement) => shown.has(agreement))).toHaveLength(2);
    expect(sum(records.filter(({ labels }) => labels['agreement'] === '(other)'))).toBe(108);
    expect(sum(await samplesOf('sluice_records_read_total', { dataset }))).toBe(108);
    expect(sum(await samplesOf('sluice_batches_read_total', { dataset }))).toBe(2);
    expect(sum(await samplesOf('sluice_receipts_total', { dataset }))).toBe(2 * 3);
    expect(sum(await samplesOf('sluice_governed_bytes_total', { dataset }))).toBeGreaterThan(3 * 102 * 10);
    expect(sum(await samplesOf('sluice_pending_bytes', { dataset }))).toBe(0);
    const programs = await samplesOf('sluice_program_seconds_total', { dataset });
    expect(programs.map(({ value }) => value > 0)).toEqual([true, true, true]);
    const committed = sum(await samplesOf('sluice_transactions_total', { dataset, end: 'committed' }));
    const durations = await samplesOf('sluice_transaction_seconds', { dataset });
    expect(committed).toBeGreaterThan(0);
    expect(durations.find(({ name }) => name.endsWith('_count'))?.value).toBe(committed);
    expect(sum(await samplesOf('sluice_program_cache_entries', {}))).toBe(1);
    expect(sum(await samplesOf('sluice_program_cache_misses_total', {}))).toBe(1);
  }, 60_000);

  test('lag appears while a partition waits for the registry, in records and seconds, and falls to 0 after it', async () => {
    const [dataset, agreement] = (await fixture.dataset(2, 1)) as [string, string];
    await fixture.direct(dataset, agreement, tokens);
    await fixture.numbers(dataset, 1, 0, 30);
    await fixture.governed(dataset, agreement, tokens, 30);
    const unknown = Buffer.from(visit(1));
    unknown.writeInt32BE(987_654, 1);
    await fixture.publish(
      dataset,
      0,
      Array.from({ length: 20 }, () => unknown),
    );
    const lag = (name: string, partition: string): Promise<Sample[]> =>
      samplesOf(name, { consumergroup: `sluice.${dataset}`, topic: topicNames.raw(dataset), partition });
    const waits = async (): Promise<boolean> => sum(await lag('kafka_consumergroup_lag', '0')) >= 20;
    expect(await fixture.until(waits)).toBe(true);
    expect(await fixture.until(async () => sum(await lag('kafka_consumergroup_lag_seconds', '0')) > 1)).toBe(true);
    const paused = async (): Promise<number> => sum(await samplesOf('sluice_partitions', { dataset, state: 'paused' }));
    expect(await fixture.until(async () => (await paused()) === 1)).toBe(true);
    expect(sum(await lag('kafka_consumergroup_lag', '1'))).toBe(0);
    expect(sum(await samplesOf('sluice_partitions', { dataset, state: 'assigned' }))).toBe(2);
    reachable = true;
    const caughtUp = async (): Promise<boolean> =>
      sum(await lag('kafka_consumergroup_lag', '0')) === 0 && sum(await lag('kafka_consumergroup_lag_seconds', '0')) === 0;
    expect(await fixture.until(caughtUp)).toBe(true);
    expect(sum(await samplesOf('sluice_agreement_records_total', { dataset, outcome: 'refused' }))).toBe(20);
  }, 60_000);

  test('a partition that is not read at all has the age of the record that waits there', async () => {
    const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
    await fixture.grow(topicNames.raw(dataset), 2);
    const minutesAgo = BigInt(Date.now() - 300_000);
    await fixture.publish(dataset, 1, [{ key: null, value: visit(1), timestampMs: minutesAgo }]);
    await fixture.direct(dataset, agreement, tokens, { start: 'earliest' });
    const lag = (name: string): Promise<Sample[]> => samplesOf(name, { topic: topicNames.raw(dataset), partition: '1' });
    expect(await fixture.until(async () => sum(await lag('kafka_consumergroup_lag_seconds')) >= 300, 40_000)).toBe(true);
    expect(sum(await lag('kafka_consumergroup_lag'))).toBeGreaterThanOrEqual(1);
    expect(sum(await samplesOf('sluice_partitions', { dataset, state: 'too-few-outputs' }))).toBe(1);
    const before = sum(await lag('kafka_consumergroup_lag'));
    await fixture.publish(dataset, 1, [visit(2), visit(3)]);
    expect(await fixture.until(async () => sum(await lag('kafka_consumergroup_lag')) >= before + 2)).toBe(true);
    await fixture.grow(topicNames.governed(dataset, agreement), 2);
    await fixture.grow(topicNames.quarantine(dataset), 2);
    expect(await fixture.until(async () => sum(await lag('kafka_consumergroup_lag')) === 0)).toBe(true);
  }, 90_000);

  test('an agreement that is suspended is counted, with what it has not had', async () => {
    const [dataset, kept, suspended] = (await fixture.dataset(1, 2)) as [string, string, string];
    await fixture.direct(dataset, kept, tokens);
    const directive = await fixture.direct(dataset, suspended, tokens);
    await fixture.numbers(dataset, 0, 0, 10);
    await fixture.governed(dataset, suspended, tokens, 10);
    await fixture.direct(dataset, suspended, tokens, { ...directive, revision: 2, state: 'suspended' });
    const behind = async (): Promise<number> => sum(await samplesOf('sluice_apart_agreements', { dataset, why: 'behind' }));
    expect(await fixture.until(async () => (await behind()) === 1)).toBe(true);
    await fixture.numbers(dataset, 0, 10, 40);
    await fixture.governed(dataset, kept, tokens, 50);
    expect(await fixture.until(async () => sum(await samplesOf('sluice_apart_lag_records', { dataset })) >= 40)).toBe(true);
  }, 60_000);

  test('the port of the health serves the text, and the README has every figure of it', async () => {
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = parsePrometheusText(await response.text());
    const readme = readFileSync(path.join(repositoryRoot(), 'apps/data-plane/README.md'), 'utf8');
    const listed = [...readme.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name = '']) => name);
    const own = Object.values(metricNames).filter((name) => !/^sluice\.(?:link|reconcile)\./.test(name));
    const expected = own.map((name) => name.replaceAll('.', '_'));
    expect(listed.map((name) => name.replace(/_total$/, '')).sort()).toEqual([...expected].sort());
    // A feed that never failed has no count of failures.
    expect(listed.filter((name) => !families.has(name) && name !== 'sluice_feed_failures_total')).toEqual([]);
    expect([...families.keys()].filter((name) => !listed.includes(name))).toEqual([]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/status`)).json()).toContainEqual(
      expect.objectContaining({ recordsRead: 108, lagRecords: 0, agreements: expect.any(Object), apart: [], gaps: [] }),
    );
  }, 60_000);
});

describe('labels of agreements', () => {
  test('stay what they are, and one more than the bound is the first without one', () => {
    const labels = new AgreementLabels(2_000);
    const of = (index: number): string => labels.of(`a-${index}`);
    const first = Array.from({ length: 2_000 }, (_, index) => of(index));
    expect(new Set(first).size).toBe(2_000);
    expect(first).not.toContain('(other)');
    expect([of(2_000), of(2_001), of(0), of(1_999)]).toEqual(['(other)', '(other)', 'a-0', 'a-1999']);
    const sums = labels.sums(Array.from({ length: 2_005 }, (_, index) => [`a-${index}`, 1] as const));
    expect([sums.size, sums.get('(other)'), sums.get('a-7')]).toEqual([2_001, 5, 1]);
  });
});

describe('the reader of the text format', () => {
  const good = '# HELP a_total words\n# TYPE a_total counter\na_total{x="1",y="a \\"b\\" \\\\ \\n"} 3\n';

  test('reads labels and values', () => {
    expect(parsePrometheusText(good).get('a_total')?.samples).toEqual([
      { name: 'a_total', labels: { x: '1', y: 'a "b" \\ \n' }, value: 3 },
    ]);
  });

  test('finds what the format does not allow', () => {
    const histogram = (buckets: string): string => `# HELP h x\n# TYPE h histogram\n${buckets}`;
    const faults = [
      good.trimEnd(),
      good.replace('counter', 'number'),
      good.replace('"1"', '1'),
      good.replace('x="1",', 'x="1"'),
      good.replace('y=', 'x='),
      good.replace('} 3', '} three'),
      good.replace('} 3', '} -3'),
      good.replaceAll('a_total', 'a'),
      good.replace('# TYPE a_total counter\n', ''),
      good.replace('# HELP a_total words\n', ''),
      `${good}a_total{y="a \\"b\\" \\\\ \\n",x="1"} 3\n`,
      `${good}${good}`,
      `${good}b 1\n`,
      histogram('h_count 2\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n'),
      histogram('h_count 3\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n'),
    ];
    for (const fault of faults) expect([fault, read(fault)]).toEqual([fault, 'refused']);
  });

  const read = (text: string): string => {
    try {
      parsePrometheusText(text);
      return 'taken';
    } catch {
      return 'refused';
    }
  };
});
