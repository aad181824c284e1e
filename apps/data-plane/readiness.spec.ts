/** Each reason for which a data plane is not ready, by making it true on a real broker. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { fail, topicNames, unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import { HealthModule } from './app.module.ts';
import { BlockWatch } from './block-watch.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';
import type { DataPlane, DataPlaneConfig } from './start.ts';

const tokens = programOf('tokens');
let fixture: PlaneFixture;
let apps: INestApplication[] = [];

beforeEach(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
  await fixture.close();
}, 60_000);

/** What `/ready` of a data plane answers. */
interface Answer {
  readonly status: number;
  readonly reasons: readonly string[];
  readonly standby: readonly string[];
  readonly waiting: readonly unknown[];
}

async function start(config: Partial<DataPlaneConfig>): Promise<() => Promise<Answer>> {
  return serve(await fixture.start(config));
}

async function serve(plane: DataPlane): Promise<() => Promise<Answer>> {
  const telemetry = unwrap(await startTelemetry({ serviceName: 'test' }));
  const app = await NestFactory.create(HealthModule.with(plane, telemetry), new FastifyAdapter(), { logger: false });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return async () => {
    const response = await fetch(`${url}/ready`);
    const {
      reasons = [],
      standby,
      waiting,
    } = (await response.json()) as {
      reasons?: { reason: string; dataset?: string; detail: string }[];
      standby: string[];
      waiting: unknown[];
    };
    expect(response.status).toBe(reasons.length === 0 ? 200 : 503);
    for (const { detail } of reasons) expect(detail).not.toBe('');
    return {
      status: response.status,
      reasons: reasons.map(({ reason, dataset }) => `${reason} ${dataset ?? '-'}`),
      standby,
      waiting,
    };
  };
}

const becomes = async (ask: () => Promise<Answer>, reason: string): Promise<Answer> => {
  await fixture.until(async () => (await ask()).reasons.includes(reason));
  const answer = await ask();
  expect(answer.reasons).toContain(reason);
  return answer;
};

const becomesReady = async (ask: () => Promise<Answer>): Promise<void> => {
  const ready = { status: 200, reasons: [], standby: [], waiting: [] };
  await fixture.until(async () => JSON.stringify(await ask()) === JSON.stringify(ready));
  expect(await ask()).toEqual(ready);
};

test('directives that are too old', async () => {
  const ask = await start({ limits: { directiveAgeMsMax: -1 } });
  expect((await becomes(ask, 'directives-stale -')).status).toBe(503);
}, 60_000);

test('a feed that fails, and it is ready again when it goes on', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  const ask = await start({});
  await fixture.direct(dataset, agreement, tokens);
  await fixture.numbers(dataset, 0, 0, 10);
  await fixture.governed(dataset, agreement, tokens, 10);
  await becomesReady(ask);
  const quarantine = topicNames.quarantine(dataset);
  await fixture.remove(quarantine);
  await fixture.publish(dataset, 0, [Buffer.from([1, 2, 3])]);
  await becomes(ask, `feed-failing ${dataset}`);
  unwrap(await fixture.admin.createTopics([{ name: quarantine, partitions: 1 }]));
  await becomesReady(ask);
}, 90_000);

test('a feed without partitions for too long, because there is no topic', async () => {
  const dataset = uniqueId('nothing');
  const [, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  const ask = await start({ readiness: { unassignedMsMax: 1_500 } });
  await fixture.direct(dataset, agreement, tokens);
  await becomes(ask, `not-assigned ${dataset}`);
  expect((await ask()).standby).toEqual([]);
}, 60_000);

test('a member more than there are partitions is ready, and says that it stands by', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  const readiness = { unassignedMsMax: 1_500 };
  const planes = [await start({ readiness }), await start({ readiness })];
  await fixture.direct(dataset, agreement, tokens);
  await fixture.numbers(dataset, 0, 0, 10);
  await fixture.governed(dataset, agreement, tokens, 10);
  const answers = (): Promise<Answer[]> => Promise.all(planes.map((ask) => ask()));
  const settled = async (): Promise<boolean> => {
    const standing = (await answers()).map(({ status, standby }) => `${status} ${standby.join()}`).sort();
    return standing.join(';') === `200 ;200 ${dataset}`;
  };
  expect(await fixture.until(settled)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await settled()).toBe(true);
}, 60_000);

test('a feed that has grown before the topics that its records go to is ready, and says which partitions wait until those have', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  const ask = await start({});
  await fixture.direct(dataset, agreement, tokens);
  await fixture.grow(topicNames.raw(dataset), 2);
  const waits = async (): Promise<boolean> =>
    JSON.stringify((await ask()).waiting) === JSON.stringify([{ dataset, partitions: [1] }]);
  expect(await fixture.until(waits)).toBe(true);
  expect((await ask()).status).toBe(200);
  for (const topic of [topicNames.governed(dataset, agreement), topicNames.quarantine(dataset)]) await fixture.grow(topic, 2);
  await becomesReady(ask);
}, 90_000);

test('a feed whose fetches are not answered', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  const ask = await start({ limits: { fetchWaitMs: 6_000 }, readiness: { pollAgeMsMax: 1_500 } });
  await fixture.direct(dataset, agreement, tokens);
  await becomes(ask, `not-polling ${dataset}`);
}, 60_000);

test('lag above its objective, until the partition goes on; without an objective it is not judged', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  let reachable = false;
  const registry: DataPlaneConfig['registry'] = {
    schemaById: () => Promise.resolve(reachable ? fail('schema-unknown', 'no') : fail('registry-unreachable', 'away')),
  };
  const unjudged = { registry, instance: uniqueId('one') };
  const plane = await fixture.start(unjudged);
  const askUnjudged = await serve(plane);
  const directive = await fixture.direct(dataset, agreement, tokens);
  const unknown = Buffer.from(visit(1));
  unknown.writeInt32BE(987_655, 1);
  await fixture.publish(dataset, 0, [unknown]);
  expect(await fixture.until(() => plane.status().some(({ lagSeconds }) => lagSeconds > 1))).toBe(true);
  expect((await askUnjudged()).reasons).toEqual([]);
  await plane.stop();
  const ask = await start({ ...unjudged, readiness: { lagSecondsMax: 1 } });
  await becomes(ask, `lag-above-objective ${dataset}`);
  // A feed that serves nobody now has nothing to be late with.
  await fixture.direct(dataset, agreement, tokens, { ...directive, revision: 2, state: 'suspended' });
  await becomesReady(ask);
  await fixture.direct(dataset, agreement, tokens, { ...directive, revision: 3 });
  await becomes(ask, `lag-above-objective ${dataset}`);
  reachable = true;
  await becomesReady(ask);
}, 90_000);

test('a process that stood still for long is remembered for half a minute, also before its timer has come', () => {
  let now = 0;
  const watch = new BlockWatch(() => now);
  const run = (ms: number): void => {
    for (let left = ms; left > 0; left -= 500) {
      now += 500;
      watch.tick();
    }
  };
  run(5_000);
  expect(watch.longestMs()).toBe(0);
  now += 11_000;
  expect(watch.longestMs()).toBe(10_500);
  watch.tick();
  run(29_000);
  expect(watch.longestMs()).toBe(10_500);
  run(2_000);
  expect(watch.longestMs()).toBe(0);
});
