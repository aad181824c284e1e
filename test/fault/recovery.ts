/** How soon subscribers receive again after a data plane was killed: started again under its name, or replaced by another one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../libs/base/index.ts';
import { readGoverned } from './feed.ts';
import type { SeenRecord } from './java-clients.ts';
import { FaultWorld } from './world.ts';

export interface Recovery {
  readonly how: string;
  /** From the kill until a record of each partition that was sent after the kill had reached the reader. */
  readonly seconds: readonly number[];
}

const partitions = 6;
const tries = 5;
const waitMs = 60_000;

export async function measureRecovery(seed: number, log: (sentence: string) => void): Promise<Recovery[]> {
  const arrivals: { readonly partition: number; readonly seq: number; readonly atMs: number }[] = [];
  const keep = ({ topic, partition, value, atMs }: SeenRecord): void => {
    if (topic !== topicNames.governed(`visits-${seed}`, `open-${seed}`)) return;
    const visit = readGoverned('open', value);
    if (visit !== undefined) arrivals.push({ partition, seq: visit.seq, atMs });
  };
  const world = await FaultWorld.open({ brokers: 3, partitions, seed, onRecord: keep });
  /** Milliseconds until each partition has had a record that was sent after this moment; infinite when one had none in time. */
  const flowsAfter = async (fromMs: number): Promise<number> => {
    const deadline = fromMs + waitMs;
    for (;;) {
      const first = new Map<number, number>();
      for (const { partition, seq, atMs } of arrivals) {
        if ((world.load.sentAtMs[seq] ?? 0) > fromMs && !first.has(partition)) first.set(partition, atMs);
      }
      if (first.size === partitions) return Math.max(...first.values()) - fromMs;
      if (Date.now() > deadline) return Number.POSITIVE_INFINITY;
      await sleep(50);
    }
  };
  try {
    world.start('one');
    world.load.trickle(200);
    await flowsAfter(Date.now());
    const measure = async (how: string, again: () => Promise<void>): Promise<Recovery> => {
      const seconds: number[] = [];
      for (let index = 0; index < tries; index += 1) {
        await sleep(3_000);
        await world.produces('one');
        arrivals.length = 0;
        const killedAtMs = Date.now();
        world.plane('one').kill();
        await world.plane('one').gone();
        await again();
        seconds.push((await flowsAfter(killedAtMs)) / 1000);
        log(`${how}: ${seconds.at(-1)?.toFixed(1)} s`);
        if (!world.plane('one').running) world.start('one');
        await flowsAfter(Date.now());
      }
      return { how, seconds };
    };
    const restarted = await measure('started again at once under the same name', () => {
      world.start('one');
      return Promise.resolve();
    });
    world.start('two');
    await world.produces('two');
    const replaced = await measure('not started again, another instance takes over', () => Promise.resolve());
    await world.load.stop();
    return [restarted, replaced];
  } finally {
    await world.close();
  }
}
