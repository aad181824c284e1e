import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOrdersFeed } from './customs-orders-feed.ts';
import type { Feed, FeedContext } from './feed.ts';
import { startFlightsFeed, startSensorsFeed } from './file-feeds.ts';

interface Posted {
  readonly key: string;
  readonly lines: readonly string[];
}

let directory: string;
let server: Server;
let context: FeedContext;
const posted: Posted[] = [];
/** Statuses to answer with before 200 again. */
const refusals: number[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-feeds-'));
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      posted.push({ key: String(request.headers['idempotency-key']), lines: Buffer.concat(parts).toString('utf8').split('\n') });
      response.writeHead(refusals.shift() ?? 200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context = {
    apiAddress: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    brokers: [],
    intakeDirectory: path.join(directory, 'intake'),
    stateDirectory: directory,
    accounts: { 'qiantang-trade': 'secret' },
  };
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

async function untilDone(feed: Feed): Promise<void> {
  while (feed.progress().state !== 'done') await sleep(20);
}

test('orders: a refused batch is sent again under the same key, and a second start goes on behind the last one that was taken', async () => {
  refusals.push(503);
  const first = startOrdersFeed(context);
  while (posted.length < 2) await sleep(20);
  await first.stop();
  expect(posted.map(({ key }) => key).slice(0, 2)).toEqual(['customs-orders/0-199', 'customs-orders/0-199']);
  expect(posted[1]?.lines).toEqual(posted[0]?.lines);
  expect(posted[0]?.lines).toHaveLength(200);
  const before = posted.length;
  const second = startOrdersFeed(context);
  while (posted.length === before) await sleep(20);
  await second.stop();
  const taken = posted.slice(0, before).filter((_, index) => index > 0).length * 200;
  expect(posted[before]?.key).toBe(`customs-orders/${taken}-${taken + 199}`);
}, 30_000);

test('files: put whole, once; the flights come after the sensors have been read', async () => {
  const sensors = startSensorsFeed(context);
  await untilDone(sensors);
  const folder = path.join(context.intakeDirectory, 'machine-sensors');
  const files = (await readdir(folder)).sort();
  expect(files).toEqual(['qjm-0001.csv', 'qjm-0002.csv', 'qjm-0003.csv', 'qjm-0004.csv']);
  expect(sensors.progress()).toMatchObject({ sent: 18_914, state: 'done' });
  expect((await readFile(path.join(folder, 'qjm-0001.csv'), 'utf8')).split('\n')[1]).toBe('QJM-0001,indoor,1,45.93,27.97,false');
  const flights = startFlightsFeed(context);
  await sleep(100);
  expect(flights.progress()).toMatchObject({ sent: 0, state: 'running' });
  for (const file of files) await writeFile(path.join(folder, `${file}.report.json`), '{}');
  await untilDone(flights);
  expect((await readdir(path.join(context.intakeDirectory, 'flights'))).join()).toBe('flights-3m.parquet');
  expect((await stat(path.join(context.intakeDirectory, 'flights', 'flights-3m.parquet'))).size).toBeGreaterThan(10_000_000);
  for (const again of [startSensorsFeed(context), startFlightsFeed(context)]) {
    await untilDone(again);
    expect(again.progress()).toMatchObject({ sent: 0, state: 'done' });
  }
}, 30_000);
