/** The watched folder on real Kafka: each file once, a restart goes on where the last commit was, a bad file is a report. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ColumnSource } from 'hyparquet-writer';
import { parquetWriteBuffer } from 'hyparquet-writer';

import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import type { Database } from '../../libs/adapters/postgres/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import { codecOf, parseSchema, unframe } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, makeFeed, readAll, startFixture, visitSchema } from './control-plane-fixture.ts';
import type { FileReport } from './intake/file-report.ts';
import type { Intake } from './intake/intake.ts';
import { openIntake } from './intake/intake.ts';
import { takeFile } from './intake/take-file.ts';
import { LocalAuthority } from './schemas/local-authority.ts';

let fixture: Fixture;
let feed: Feed;
let folder: string;
let database: Database;
let intake: Intake;
let installation: string;

beforeAll(async () => {
  fixture = await startFixture({ intake: true });
  database = unwrap(await openDatabase(fixture.databaseUrl));
  installation = unwrap(await database.installation());
  const schemas = new LocalAuthority(database);
  intake = openIntake({ cluster: fixture.cluster, database, schemas, installation, instance: uniqueId('by-hand') });
});

afterAll(async () => {
  await intake.producers.close();
  await database.close();
  await fixture.close();
});

async function ownFeed(): Promise<Feed> {
  feed = await makeFeed(fixture.call, { agreement: false });
  folder = join(fixture.directory, 'intake', feed.dataset);
  await mkdir(folder, { recursive: true });
  return feed;
}

/** As a feeder should: written under a hidden name, then renamed. */
async function put(name: string, content: string | Uint8Array): Promise<void> {
  await writeFile(join(folder, `.${name}`), content);
  await rename(join(folder, `.${name}`), join(folder, name));
}

const reportOf = (name: string): Promise<FileReport> =>
  eventually(async () => {
    const text = await readFile(join(folder, `${name}.report.json`), 'utf8').catch(() => null);
    return text === null ? null : (JSON.parse(text) as FileReport);
  });

const records = (count: number): Promise<ReadRecord[]> =>
  eventually(async () => {
    const all = await readAll(fixture.cluster, topicNames.raw(feed.dataset));
    return all.length < count ? null : all;
  });

const codec = codecOf(unwrap(parseSchema(JSON.stringify(visitSchema()))));
const valueOf = ({ value }: ReadRecord): unknown => unwrap(codec.decode(unwrap(unframe(value ?? new Uint8Array())).body));

const csvOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `row-${from + index},138${from + index},1.5,2024-01-01\n`).join('');
const header = 'id,phone,cost,day\n';

describe('a file', () => {
  test('of CSV or NDJSON goes in once, whatever it is called; good rows go in, bad ones are reported without their value', async () => {
    await ownFeed();
    const content = `${header}${csvOf(0, 10)}bad,1,value-canary,2024-01-01\n`;
    await put('one.csv', content);
    expect(await reportOf('one.csv')).toMatchObject({
      state: 'done',
      accepted: 10,
      refused: 1,
      problems: [{ line: 12, field: '/cost' }],
    });
    await put('other-name.csv', content);
    expect(await reportOf('other-name.csv')).toMatchObject({ state: 'done', accepted: 10, refused: 1 });
    await put('two.ndjson', `{"id":"n","phone":"1","cost":1,"day":1}\nnot json\n`);
    expect(await reportOf('two.ndjson')).toMatchObject({ accepted: 1, refused: 1, problems: [{ line: 2, field: null }] });
    expect(await records(11)).toHaveLength(11);
    expect((await readFile(join(folder, 'one.csv.report.json'), 'utf8')) + fixture.logged()).not.toContain('value-canary');
  });

  test('under a hidden name, a name ending in .part, or in a folder of no dataset is left alone', async () => {
    await ownFeed();
    const nowhere = join(fixture.directory, 'intake', uniqueId('no-dataset'));
    await mkdir(nowhere);
    await writeFile(join(nowhere, 'a.csv'), header);
    await writeFile(join(folder, '.hidden.csv'), `${header}${csvOf(0, 1)}`);
    await writeFile(join(folder, 'busy.csv.part'), `${header}${csvOf(0, 1)}`);
    await put('last.csv', `${header}${csvOf(5, 6)}`);
    await reportOf('last.csv');
    expect(await records(1)).toHaveLength(1);
    expect(fixture.logged()).toContain(`the folder ${basename(nowhere)} is of no dataset`);
  });

  test('that is unreadable gets a report and harms nothing', async () => {
    await ownFeed();
    const files: Record<string, [string | Uint8Array, string]> = {
      'unknown-column.csv': ['id,phone,cost,day,extra\n1,2,3,4,5\n', 'column 5'],
      'missing-column.csv': ['id,phone,cost\n1,2,3\n', '/day'],
      'binary.csv': [new Uint8Array([0xff, 0xfe, 0x00, 0x41]), 'UTF-8'],
      'empty.csv': ['', 'header'],
      'broken.parquet': ['PAR1 this is not parquet PAR1', 'Parquet'],
      'short.parquet': ['PAR1', 'Parquet'],
      'unknown-column.parquet': [parquetOf([{ name: 'nope', data: ['x'] }]), 'nope'],
      'missing-column.parquet': [parquetOf([{ name: 'id', data: ['x'] }]), 'neither a column nor a default'],
    };
    for (const [name, [content]] of Object.entries(files)) await put(name, content);
    for (const [name, [, sentence]] of Object.entries(files)) {
      const report = await reportOf(name);
      expect(report).toMatchObject({ file: name, state: 'refused', accepted: 0 });
      expect(report.problems[0]?.message).toContain(sentence);
    }
    expect(await readAll(fixture.cluster, topicNames.raw(feed.dataset))).toHaveLength(0);
  });

  test('of Parquet goes in by its column names, over several row groups, with exact dates, counts and nulls', async () => {
    await ownFeed();
    const size = 2_500;
    const of = <T>(make: (index: number) => T): T[] => Array.from({ length: size }, (_, index) => make(index));
    const columns: ColumnSource[] = [
      { name: 'id', data: of((index) => `p-${index}`), type: 'STRING' },
      { name: 'phone', data: of(() => '13800138000'), type: 'STRING' },
      { name: 'cost', data: of((index) => index / 4), type: 'DOUBLE' },
      { name: 'day', data: of((index) => index), type: 'INT32' },
      { name: 'count', data: of((index) => (index % 2 === 0 ? 9_007_199_254_740_993n : null)), type: 'INT64', nullable: true },
    ];
    await put('visits.parquet', parquetOf(columns, 1_000));
    expect(await reportOf('visits.parquet')).toMatchObject({ state: 'done', accepted: size, refused: 0 });
    const values = (await records(size)).map(valueOf);
    expect(values).toHaveLength(size);
    expect(values).toContainEqual({
      id: 'p-2400',
      phone: '13800138000',
      cost: 600,
      day: 2_400,
      count: { long: 9_007_199_254_740_993n },
    });
    expect(values).toContainEqual({ id: 'p-2401', phone: '13800138000', cost: 600.25, day: 2_401, count: null });
  });
});

describe('an interrupted file', () => {
  test.each(['csv', 'parquet'] as const)(
    'of %s goes on after the last committed row: no row is lost or doubled',
    async (format) => {
      await ownFeed();
      const rows = 60_000;
      const path = join(fixture.directory, `${feed.dataset}.${format}`);
      const index = Array.from({ length: rows }, (_, row) => row);
      const parquet = (): Uint8Array =>
        parquetOf(
          [
            { name: 'id', data: index.map((row) => `row-${row}`), type: 'STRING' },
            { name: 'phone', data: index.map(() => '1'), type: 'STRING' },
            { name: 'cost', data: index.map(() => 1), type: 'DOUBLE' },
            { name: 'day', data: index.map(() => 1), type: 'INT32' },
          ],
          7_000,
        );
      await writeFile(path, format === 'csv' ? `${header}${csvOf(0, rows)}` : parquet());
      const dataset = unwrap(await database.stores.datasets.find(feed.dataset));
      if (dataset === null) throw new Error('the dataset is missing');
      let interruptions = 0;
      for (;;) {
        // Ends after two transactions; the next time, as after a restart, everything is read from the topic.
        const stopping = new AbortController();
        const fresh = { ...intake, ledger: ledgerThatEnds(stopping, 2) };
        const report = unwrap(await takeFile(fresh, { dataset, path, format, signal: stopping.signal, headers: [] }));
        if (report !== null) {
          expect(report).toMatchObject({ state: 'done', accepted: rows, refused: 0 });
          break;
        }
        interruptions += 1;
      }
      expect(interruptions).toBeGreaterThan(1);
      const ids = (await records(rows)).map((record) => (valueOf(record) as { id: string }).id);
      expect(ids).toHaveLength(rows);
      expect(new Set(ids).size).toBe(rows);
    },
  );
});

/** A ledger without memory, which gives the sign to stop with the transaction of that number. */
function ledgerThatEnds(stopping: AbortController, transactions: number): Intake['ledger'] {
  const { ledger } = openIntake({
    cluster: fixture.cluster,
    database,
    schemas: intake.schemas,
    installation,
    instance: 'unused',
  });
  const hold = ledger.hold.bind(ledger);
  let written = 0;
  Reflect.set(ledger, 'hold', (...[key, kind, work]: Parameters<typeof hold>) =>
    hold(key, kind, (slot) =>
      work({
        ...slot,
        put: (name, entry) => {
          written += 1;
          if (written === transactions) stopping.abort();
          return slot.put(name, entry);
        },
      }),
    ),
  );
  return ledger;
}

function parquetOf(columnData: ColumnSource[], rowGroupSize = 1_000): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize }));
}
