/** One seed from start to end: the load runs, the steps are taken, everything settles, and the checkers look at what readers saw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../libs/base/index.ts';
import { Random } from '../scrub/random.ts';
import { faultsOf } from './checkers.ts';
import { evidenceOf, topicsOf } from './evidence.ts';
import { readToEnd } from './java-clients.ts';
import { feedFaults } from './load.ts';
import type { Step } from './schedule.ts';
import { residents } from './schedule.ts';
import { takeStep, Tally } from './steps.ts';
import { until } from './until.ts';
import { FaultWorld } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  readonly brokers: 1 | 3;
  readonly partitions: number;
  /** Handed to the producers at least, without what they take back. */
  readonly records: number;
  readonly trickleRecordsPerSecond: number;
  readonly steps: readonly Step[];
  /** Told what happens. */
  readonly log: (sentence: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly tally: Tally;
  /** Handed to producers; of these the raw topic has `input`, records that are none of the feed included. */
  readonly sent: number;
  readonly input: number;
  readonly governed: number;
  readonly receipts: number;
  readonly quarantined: number;
  readonly seconds: number;
  readonly faults: readonly string[];
  /** What the data planes wrote, one text for each process. */
  readonly logs: readonly string[];
}

const settleMs = 150_000;

export async function runFaults(options: RunOptions): Promise<RunReport> {
  const { seed, brokers, partitions, steps, log } = options;
  const began = Date.now();
  const since = (): string => `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s`;
  const world = await FaultWorld.open({ brokers, partitions, seed });
  const tally = new Tally();
  try {
    for (const instance of residents) world.start(instance);
    world.load.trickle(options.trickleRecordsPerSecond);
    for (const instance of residents) await world.produces(instance);
    log(`${since()}  ${brokers} brokers, ${partitions} partitions, data planes ${residents.join(' and ')}`);
    const random = new Random(seed ^ 0x5eed);
    const told = new Set<string>();
    for (const [index, step] of steps.entries()) {
      const due = Math.ceil(((index + 1) * options.records) / steps.length) - world.load.count;
      await Promise.all([
        due > 0 ? world.load.burst(Math.min(due, random.whole(600, 2_000))) : undefined,
        takeStep(world, step, tally),
      ]);
      log(`${since()}  ${index + 1}/${steps.length} ${JSON.stringify(step)}`);
      const news = [...tally.missed.map((name) => `missed: ${name}`), ...world.couldNotStart, ...world.endedByThemselves];
      for (const sentence of news) if (!told.has(sentence)) log(`${since()}  ${sentence}`);
      for (const sentence of news) told.add(sentence);
    }
    while (world.load.count < options.records) await world.load.burst(options.records - world.load.count);
    await world.load.stop();
    return await settle(world, options, tally, began);
  } finally {
    await world.close();
  }
}

async function settle(world: FaultWorld, options: RunOptions, tally: Tally, began: number): Promise<RunReport> {
  const { seed, log } = options;
  await world.feedEnded();
  const raw = await readToEnd(world.place, [topicNames.raw(world.names.dataset)]);
  const caughtUp = await until(() => world.accounted() >= raw.length, settleMs);
  // What would come too much comes now.
  await sleep(1_500);
  for (const plane of world.planes.values()) {
    if (plane.running && !(await plane.leave())) tally.missed.push(`${plane.instance}: leaving within 20 seconds`);
  }
  const early = await world.early.toEnd();
  const final = await readToEnd(world.place, topicsOf(world.names));
  if (world.couldNotStart.length > 0) tally.count('supervisor: started again what could not start', world.couldNotStart.length);
  log(`         ${raw.length} records in, ${final.length} out, receipts and quarantine included`);
  const evidence = evidenceOf(world.names, raw, early, final, world.planeLogs());
  const faults = [
    ...world.endedByThemselves,
    ...(caughtUp
      ? []
      : [`after ${settleMs / 1000} s without faults Receipts account for ${world.accounted()} of ${raw.length} records`]),
    ...feedFaults(world.load.sent, evidence.input).slice(0, 10),
    ...faultsOf(evidence),
  ];
  return {
    seed,
    tally,
    sent: world.load.sentAtMs.length,
    input: raw.length,
    governed: evidence.governed.open.length + evidence.governed.keyed.length,
    receipts: evidence.receipts.length,
    quarantined: evidence.quarantined.length,
    seconds: (Date.now() - began) / 1000,
    faults,
    logs: evidence.logs,
  };
}
