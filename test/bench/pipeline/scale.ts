/** Many agreements on one process: how soon all govern, what they hold, and what they cost while nothing comes. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import type { StageRule } from '../../../libs/odrl/index.ts';
import type { Terms } from '../workloads.ts';
import { endOffsets, makeTopics, produceBatches } from './bench-kafka.ts';
import { clinicTerms, compileTerms } from './clinic-terms.ts';
import { sampleBatch } from './load-feed.ts';
import { MemoryWatch } from './memory-watch.ts';
import { cpuMicros } from './path-run.ts';
import type { DataPlaneRun, SluiceHome } from './sluice-path.ts';
import { endAgreement, startAgreement, startDataPlaneProcess, statusOf } from './sluice-path.ts';

export interface Scale {
  readonly agreements: number;
  readonly feeds: number;
  readonly programs: number;
  /** Until every feed has governed its first record for all of its agreements, seconds. */
  readonly startSeconds: number;
  readonly residentMbMax: number;
  /** Of one core, while no record comes. */
  readonly idleCpuPercent: number;
  /** Ten feeds at once, each for its agreements: input records a second. */
  readonly liveRecordsPerSecond: number;
}

interface ScalePlan {
  readonly feeds: number;
  readonly agreementsPerFeed: number;
  readonly programs: number;
  readonly liveFeeds: number;
  readonly liveBatches: number;
  /** Between the first governed record of every feed and the idle time that is measured. */
  readonly settleSeconds: number;
  readonly idleSeconds: number;
}

const scalePlan: ScalePlan = {
  feeds: 100,
  agreementsPerFeed: 10,
  programs: 200,
  liveFeeds: 10,
  liveBatches: 60,
  settleSeconds: 30,
  idleSeconds: 60,
};

const startTimeoutMs = 180_000;

/** Throws when a feed never starts, or when an agreement of a live feed lacks records. */
export async function measureScale(
  home: SluiceHome,
  {
    directory,
    id,
    plan = scalePlan,
    progress,
  }: { directory: string; id: string; plan?: ScalePlan; progress: (text: string) => void },
): Promise<Scale> {
  const { feeds, agreementsPerFeed, programs, liveFeeds, liveBatches, settleSeconds, idleSeconds } = plan;
  const distinct = makePrograms(programs);
  const datasets = Array.from({ length: feeds }, (_, feed) => `scale-${feed}-${id}`);
  const agreementOf = (feed: number, index: number): string => `a${feed}-${index}-${id}`;
  progress(`scale: publishing ${feeds * agreementsPerFeed} agreements`);
  const directives: Directive[] = [];
  await makeTopics(home.kafka, datasets.map(topicNames.raw), 1);
  for (const [feed, dataset] of datasets.entries()) {
    for (let index = 0; index < agreementsPerFeed; index += 1) {
      const number = feed * agreementsPerFeed + index;
      const program = distinct[number % programs] as Program;
      const dataKey = new Uint8Array(32).fill(1);
      new DataView(dataKey.buffer).setUint32(0, number);
      directives.push(await startAgreement(home, { dataset, agreement: agreementOf(feed, index), program, dataKey }, 1));
    }
    await produceTo(home, dataset, 1);
  }
  progress('scale: starting');
  const began = performance.now();
  const title = 'sluice with many agreements';
  const logFile = path.join(directory, `scale-${id}.log`);
  const run = await startDataPlaneProcess(home, { instance: `scale-${id}`, guarantee: 'exactly-once', title, logFile });
  const memory = new MemoryWatch(run.pid);
  try {
    const first = sampleBatch().count;
    await untilRead(run, datasets, first);
    const startSeconds = (performance.now() - began) / 1000;
    progress(`scale: started in ${startSeconds.toFixed(1)} s; idle`);
    // A profile shows V8 collecting what starting left behind, on helper threads, until about 20 s after: that is starting, not idling.
    await sleep(settleSeconds * 1000);
    const [cpuBefore, idleFrom] = [cpuMicros(run.pid), performance.now()];
    await sleep(idleSeconds * 1000);
    const idleCpuPercent = (cpuMicros(run.pid) - cpuBefore) / ((performance.now() - idleFrom) * 10);
    const live = datasets.slice(0, liveFeeds);
    const liveFrom = performance.now();
    for (const dataset of live) await produceTo(home, dataset, liveBatches);
    await untilRead(run, live, first * (1 + liveBatches));
    const liveSeconds = (performance.now() - liveFrom) / 1000;
    const residentMbMax = await memory.stop();
    await run.stop();
    for (const [feed, dataset] of live.entries()) {
      for (let index = 0; index < agreementsPerFeed; index += 1) {
        const [end] = await endOffsets(home.kafka, topicNames.governed(dataset, agreementOf(feed, index)), 'read_committed');
        if (Number(end) < sampleBatch().passing * (1 + liveBatches))
          throw new Error(`${agreementOf(feed, index)} has ${end} records, too few`);
      }
    }
    return {
      agreements: feeds * agreementsPerFeed,
      feeds,
      programs,
      startSeconds,
      residentMbMax,
      idleCpuPercent,
      liveRecordsPerSecond: (liveFeeds * liveBatches * first) / liveSeconds,
    };
  } finally {
    await memory.stop();
    await run.stop();
    // Whatever is measured next on this broker would serve them as well.
    await Promise.all(directives.map((directive) => endAgreement(home, directive)));
  }
}

async function untilRead(run: DataPlaneRun, datasets: readonly string[], records: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    run.mustLive();
    const read = new Map((await statusOf(run))?.map(({ dataset, recordsRead }) => [dataset, recordsRead]));
    const behind = datasets.filter((dataset) => (read.get(dataset) ?? 0) < records);
    if (behind.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${behind.length} of ${datasets.length} feeds have not read ${records} records`);
    await sleep(100);
  }
}

async function produceTo({ kafka }: SluiceHome, dataset: string, batches: number): Promise<void> {
  const topic = topicNames.raw(dataset);
  const leader = (await kafka.cluster.topics([topic]))[0]?.leaders[0] ?? 'any';
  for (let index = 0; index < batches; index += 1)
    await kafka.cluster.call(leader, 'load', produceBatches, topic, [{ partition: 0, bytes: sampleBatch().plain }]);
}

/** P1c with so many combinations of what is kept of a name, an address and a phone: no two Programs are the same. */
function makePrograms(count: number): Program[] {
  const base = clinicTerms('P1c');
  const made: Program[] = [];
  for (let number = 0; number < count; number += 1) {
    const [name, address, phone] = [1 + (number % 4), 1 + (Math.floor(number / 4) % 10), 2 + Math.floor(number / 40)];
    const rules = base.rules.map((rule): StageRule => {
      if (rule.at.includes('/name')) return { ...rule, with: { ...rule.with, first: name } };
      if (rule.at.includes('/address')) return { ...rule, with: { ...rule.with, first: address } };
      return rule.at.includes('/phone') ? { ...rule, with: { ...rule.with, width: phone } } : rule;
    });
    const terms: Terms = { ...base, rules };
    made.push(compileTerms(terms));
  }
  const hashes = new Set(made.map(({ hash }) => hash));
  if (hashes.size !== count) throw new Error(`there are ${hashes.size} distinct Programs, not ${count}`);
  return made;
}
