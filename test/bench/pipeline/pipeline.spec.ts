/** The pipeline bench measures what it says: nothing here looks at a time. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TopicReader } from '../../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import type { RecordFrames } from '../../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../../libs/records/index.ts';
import { decodeReceipt } from '../../../libs/ledger/index.ts';
import { testKafka, uniqueId } from '../../../libs/testkit/index.ts';
import { dataKeys } from '../sides.ts';
import type { BenchKafka } from './bench-kafka.ts';
import { endOffsets, joinBenchKafka, makeTopics, partitions, produceBatches } from './bench-kafka.ts';
import type { PipelineReport } from './bench-pipeline.ts';
import { benchPipelineOn, measurePath } from './bench-pipeline.ts';
import { governedExpectation } from './clinic-terms.ts';
import { slopeOf } from './drain.ts';
import { goalsOf } from './goals.ts';
import type { Feed } from './load-feed.ts';
import { loadFeeds, passRateOf } from './load-feed.ts';
import { parsePipeline } from './options.ts';
import type { StartedPath } from './paths.ts';
import { pathNames } from './paths.ts';
import type { PathRun } from './path-run.ts';
import { cpuMicros, watch } from './path-run.ts';
import { pipelineJson, pipelineMarkdown, withTables } from './pipeline-report.ts';
import type { Verified } from './verify-output.ts';
import { verifyOutput } from './verify-output.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sluice-bench-test-'));
let kafka: BenchKafka;
let feed: Feed;

beforeAll(async () => {
  kafka = await joinBenchKafka(testKafka());
  const feeds = [{ dataset: uniqueId('visits'), codec: 'lz4' as const }];
  [feed] = (await loadFeeds({ kafka, records: 6_000, feeds })) as [Feed];
});

afterAll(async () => {
  await kafka.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the arguments of the pipeline bench', () => {
  test('are a full run by default, and only a full run is written into the docs unasked', () => {
    expect(parsePipeline([])).toMatchObject({
      records: 4_000_000,
      warmUp: 2_000_000,
      rounds: 3,
      codecs: ['none', 'lz4'],
      paths: pathNames,
      docs: true,
      drainGb: 0,
    });
    expect(parsePipeline(['--no-docs'])?.docs).toBe(false);
    for (const less of [
      ['--records', '200000'],
      ['--rounds', '2'],
      ['--codec', 'none'],
      ['--path', 'raw-copy'],
      ['--batch-kb', '16'],
    ])
      expect(parsePipeline(less)?.docs).toBe(false);
    expect(parsePipeline(['--help'])).toBeUndefined();
  });

  test('name paths one by one, and are refused where they make no sense', () => {
    expect(parsePipeline(['--path', 'raw-copy', '--path', 'kafka-streams', '--json'])).toMatchObject({
      paths: ['raw-copy', 'kafka-streams'],
      output: 'json',
    });
    expect(() => parsePipeline(['--path', 'raw'])).toThrow('--path takes one of');
    expect(parsePipeline(['--batch-kb', '16'])?.batchBytes).toBe(16_384);
    expect(() => parsePipeline(['--batch-kb', '0'])).toThrow('--batch-kb takes a number from');
    expect(() => parsePipeline(['--records', '10'])).toThrow('--records takes a number from');
    expect(() => parsePipeline(['--codec', 'zstd'])).toThrow('--codec takes');
    expect(() => parsePipeline(['--json', '--markdown'])).toThrow('one of --json and --markdown');
    expect(() => parsePipeline(['fast'])).toThrow('takes no fast');
  });
});

describe('verification', () => {
  const [dataKey, otherKey] = dataKeys(2) as [Uint8Array, Uint8Array];

  /** Writes what the oracle makes of the feed, changed by `change`, and verifies it. */
  async function verifyPlanted(
    change: (values: Uint8Array[], partition: number) => Uint8Array[],
    key = dataKey,
  ): Promise<Verified> {
    const expected = governedExpectation('P1h', feed, dataKey);
    const { oracle } = governedExpectation('P1h', feed, key);
    const topic = uniqueId('out');
    await makeTopics(kafka, [topic]);
    const leader = (await kafka.cluster.topics([topic]))[0]?.leaders[0] ?? 'any';
    for (let partition = 0; partition < partitions; partition += 1) {
      const values = change(oracle(framesOf(await rawValues(partition))), partition);
      await kafka.cluster.call(leader, 'planted', produceBatches, topic, [{ partition, bytes: batchOf(values) }]);
    }
    return verifyOutput(kafka, feed, topic, expected);
  }

  test('a path whose output is wrong has no figure, however well it went', async () => {
    const expected = governedExpectation('P1h', feed, dataKey);
    const topic = uniqueId('out');
    await makeTopics(kafka, [topic]);
    let stops = 0;
    const run = { title: 'a path', pid: process.pid, mustLive: () => undefined, stop: () => Promise.resolve() };
    const looks = [0, feed.records];
    const look = () => Promise.resolve(looks.shift() ?? feed.records);
    const started: StartedPath = {
      run,
      outputs: [{ topic, expected }],
      progress: { produced: look, through: look },
      stop: () => {
        stops += 1;
        return Promise.resolve();
      },
    };
    await expect(measurePath(started, { home: { kafka }, feed }, { warmUp: 0, records: feed.records })).rejects.toThrow(
      /partition 0 has 0 records, not \d+/,
    );
    expect(stops).toBeGreaterThan(0);
  });

  test('takes what the reference engine gives', async () => {
    const { compared, codecs } = await verifyPlanted((values) => values);
    expect(compared).toBeGreaterThan(1_000);
    expect([...codecs]).toEqual(['none']);
  });

  test('finds a record that is missing, one too many, and two in each other’s place', async () => {
    await expect(verifyPlanted((values, at) => (at === 3 ? values.toSpliced(300, 1) : values))).rejects.toThrow(
      /partition 3 has \d+ records/,
    );
    await expect(verifyPlanted((values, at) => (at === 5 ? [...values, values[0] as Uint8Array] : values))).rejects.toThrow(
      /partition 5 has \d+ records/,
    );
    const swapped = (values: Uint8Array[]): Uint8Array[] => [...values.slice(0, -2), ...values.slice(-2).toReversed()];
    await expect(verifyPlanted((values, at) => (at === 0 ? swapped(values) : values))).rejects.toThrow(
      /to its last record: value \d+/,
    );
  });

  test('finds a changed value, another schema id, and tokens of another key', async () => {
    const changed = (at: number) => (values: Uint8Array[]) => [
      (values[0] as Uint8Array).map((byte, index) => (index === at ? byte ^ 1 : byte)),
      ...values.slice(1),
    ];
    await expect(verifyPlanted(changed(20))).rejects.toThrow(/from its first record: value 0/);
    await expect(verifyPlanted(changed(4))).rejects.toThrow(/from its first record: value 0/);
    await expect(verifyPlanted((values) => values, otherKey)).rejects.toThrow(/from its first record: value 0/);
  });

  test('refuses an input of which another part passes', () => {
    expect(passRateOf({ records: 100_000, passing: [76_000] })).toBe(0.76);
    expect(() => passRateOf({ records: 100_000, passing: [73_000] })).toThrow('73.0 % of the records pass');
  });

  const rawByPartition = new Map<number, Promise<Uint8Array[]>>();

  function rawValues(partition: number): Promise<Uint8Array[]> {
    const known = rawByPartition.get(partition) ?? readValues(partition);
    rawByPartition.set(partition, known);
    return known;
  }

  async function readValues(partition: number): Promise<Uint8Array[]> {
    const reader = unwrap(
      await TopicReader.open(kafka.cluster, { topic: feed.topic, from: 'earliest', partitions: [partition] }),
    );
    const end = (await endOffsets(kafka, feed.topic, 'read_uncommitted'))[partition] as bigint;
    const values: Uint8Array[] = [];
    while (reader.position(partition) < end)
      values.push(...unwrap(await reader.poll(250)).map(({ value }) => value as Uint8Array));
    return values;
  }
});

describe('watching a path', () => {
  const run: PathRun = { title: 'a path', pid: process.pid, mustLive: () => undefined, stop: () => Promise.resolve() };
  const progressOf = (...answers: number[]) => {
    let at = 0;
    const look = () => Promise.resolve(answers[Math.min(at++, answers.length - 1)] as number);
    return { produced: look, through: look };
  };

  test('counts the records between the first look behind the warm-up and the first behind the measured ones, and goes on to the end', async () => {
    const seen: number[] = [];
    const options = { run, warmUp: 100, records: 800, total: 1_000, pollMs: 1 };
    const onSample = ({ records }: { records: number }) => seen.push(records);
    const measured = await watch({ ...options, onSample, progress: progressOf(0, 90, 130, 500, 950, 960, 1_000) });
    expect(measured.records).toBe(820);
    expect(seen).toEqual([0, 90, 130, 500, 950, 960, 1_000]);
  });

  test('looks at what is written for its figures, and waits for what is committed', async () => {
    const { through } = progressOf(0, 600, 1_000);
    const { produced } = progressOf(0, 130, 900);
    expect(
      (await watch({ run, warmUp: 100, records: 700, total: 1_000, pollMs: 1, progress: { produced, through } })).records,
    ).toBe(770);
    expect(await through()).toBe(1_000);
  });

  test('gives no figure of a path that stands, has ended, or was through at once', async () => {
    await expect(watch({ run, warmUp: 1, records: 5, total: 9, pollMs: 1, stuckMs: 1, progress: progressOf(5) })).rejects.toThrow(
      'stands at 5 of 9',
    );
    await expect(watch({ run, warmUp: 1, records: 5, total: 9, pollMs: 1, progress: progressOf(9) })).rejects.toThrow(
      'through at the first look',
    );
    const mustLive = (): void => {
      throw new Error('a path ended by itself');
    };
    await expect(watch({ run: { ...run, mustLive }, warmUp: 1, records: 5, total: 9, progress: progressOf(5) })).rejects.toThrow(
      'ended by itself',
    );
  });

  test('memory grows by what the samples say, and by nothing knowable where there are too few', () => {
    const samples = [1, 2, 3, 4].map((gigabytes) => ({ gigabytes, megabytes: 200 + 3 * gigabytes }));
    expect(slopeOf(samples)).toBeCloseTo(3);
    expect(slopeOf(samples.slice(0, 2))).toBeNaN();
  });
});

describe('a small run', () => {
  test('measures the raw copy and Sluice exactly once, each in a process of its own', async () => {
    const options = parsePipeline(['--path', 'raw-copy', '--path', 'sluice-exactly-once', '--codec', 'none', '--rounds', '1']);
    const report = await benchPipelineOn(kafka, directory, { ...options!, records: 6_000, warmUp: 0 }, () => undefined);
    expect(report.failures).toEqual([]);
    const printed = JSON.parse(pipelineJson(report)) as { paths: Record<string, unknown>; codecs: Record<string, unknown> };
    const figures = {
      cpuUsPerRecord: expect.any(Number),
      recordsPerSecond: expect.any(Number),
      latencyMsP50: null,
      latencyMsP99: null,
    };
    expect(printed.paths).toEqual({ 'raw-copy': figures, 'sluice-exactly-once': figures });
    expect(printed.codecs).toEqual({ none: printed.paths });
    expect(pipelineMarkdown(report)).toContain('| none | sluice-exactly-once | Sluice, P1c | exactly once |');
    checkGoals(report);
  });

  test('measures several agreements under one walk and under one each, and without a part of the work, and tells what the broker took', async () => {
    const names = ['sluice-exactly-once-p3-walked-each', 'sluice-without-digest', 'sluice-without-receipts'] as const;
    const wanted = ['sluice-exactly-once-p3', ...names].flatMap((name) => ['--path', name]);
    const options = parsePipeline([...wanted, '--codec', 'none', '--rounds', '1', '--batch-kb', '16']);
    const own = { ...kafka, brokerPid: process.pid };
    const report = await benchPipelineOn(own, directory, { ...options!, records: 2_000, warmUp: 0 }, () => undefined);
    expect(report.failures).toEqual([]);
    expect(report.rows.map(({ path: name }) => name)).toEqual(['sluice-exactly-once-p3', ...names]);
    for (const { rounds } of report.rows) expect(rounds[0]?.brokerCpuUsPerRecord).toBeGreaterThanOrEqual(0);
    expect(pipelineMarkdown(report)).toContain('batches of 16 KiB');
    const digests = await digestsOf('visits-none-');
    const ofNothing = createHash('sha256').digest('hex');
    const ofRun = (number: number): string[] =>
      [...digests].flatMap(([agreement, found]) => (agreement.endsWith(`-${number}`) ? found : []));
    expect(ofRun(2).length).toBeGreaterThanOrEqual(8);
    expect(ofRun(2)).not.toContain(ofNothing);
    expect(ofRun(3).length).toBeGreaterThan(0);
    expect(new Set(ofRun(3))).toEqual(new Set([ofNothing]));
    expect(ofRun(4)).toEqual([]);
  });

  /** Digests of the Receipts of agreements on datasets of this beginning, hex. */
  async function digestsOf(dataset: string): Promise<Map<string, string[]>> {
    const reader = unwrap(await TopicReader.open(kafka.cluster, { topic: topicNames.receipts, from: 'earliest' }));
    const ends = await endOffsets(kafka, topicNames.receipts, 'read_committed');
    const found = new Map<string, string[]>();
    while (ends.some((end, partition) => reader.position(partition) < end)) {
      for (const { value } of unwrap(await reader.poll(250))) {
        const receipt = unwrap(decodeReceipt(value ?? new Uint8Array()));
        if (!receipt.dataset.startsWith(dataset)) continue;
        const known = found.get(receipt.agreement) ?? [];
        found.set(receipt.agreement, [...known, Buffer.from(receipt.governedDigest).toString('hex')]);
      }
    }
    await reader.close();
    return found;
  }

  test('a path that fails is named, fails the run and leaves the others their figures', async () => {
    const options = parsePipeline(['--path', 'raw-copy', '--codec', 'none', '--rounds', '1']);
    const locked = { ...kafka, access: { ...kafka.access, password: 'wrong' } };
    const report = await benchPipelineOn(locked, directory, { ...options!, records: 2_000, warmUp: 0 }, () => undefined);
    expect(report.rows).toEqual([]);
    expect(report.failures).toEqual([expect.stringMatching(/^raw-copy, none, round 1: raw-copy ended by itself/)]);
    expect(JSON.parse(pipelineJson(report))).toMatchObject({ paths: { 'raw-copy': { cpuUsPerRecord: null } } });
  });

  /** Only what was measured has a goal. */
  function checkGoals(report: PipelineReport): void {
    expect(goalsOf(report).map(({ about }) => about)).toEqual([
      'none: CPU, P1c exactly once',
      'none: rate of P1c to the raw copy',
    ]);
    const drain = {
      gigabytes: 1,
      records: 1,
      slopeMbPerGb: Number.NaN,
      residentMbMax: 100,
      cpuUsPerRecord: 1,
      recordsPerSecond: 1,
    };
    expect(goalsOf({ ...report, drain }).slice(-2)).toEqual([
      expect.objectContaining({ about: '1 GB of backlog: growth of memory', met: false }),
      expect.objectContaining({ about: '1 GB of backlog: resident memory', met: true }),
    ]);
  }
});

test('tables are put between the marks of a page, which stay, and the rest of the page with them', () => {
  const page = 'before\n<!-- pipeline: written by the bench -->\nold\n<!-- pipeline: end -->\nafter\n';
  const once = withTables(page, 'new');
  expect(once).toBe('before\n<!-- pipeline: written by the bench -->\n\nnew\n\n<!-- pipeline: end -->\nafter\n');
  expect(withTables(once, 'newer')).toBe(once.replace('new', 'newer'));
  expect(() => withTables('a page', 'new')).toThrow('the page lacks');
});

test('CPU time of a process is told in microseconds', () => {
  const { user, system } = process.cpuUsage();
  // Each of the two is told in whole ticks of 10 ms.
  expect(cpuMicros(process.pid)).toBeGreaterThanOrEqual(user + system - 20_000);
});

/** One batch of the values, without keys. */
function batchOf(values: readonly Uint8Array[]): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(null, value, [], 1_767_600_000_000n);
  return builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false });
}

function framesOf(values: readonly Uint8Array[]): RecordFrames {
  let frames: RecordFrames | null = null;
  readBatches(batchOf(values), (batch) => {
    frames = frameRecords(batch, 0);
  });
  if (frames === null) throw new Error('the batch was not framed');
  return frames;
}
