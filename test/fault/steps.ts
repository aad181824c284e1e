/** Takes one step of a schedule: does the harm, waits for it to have been done, and starts again what it ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../libs/base/index.ts';
import kafkajs from 'kafkajs';
import { assignedPartitions } from './error-answers.ts';
import { topicsOf } from './evidence.ts';
import { clientIdOf } from './plane-process.ts';
import type { Passing } from './proxy.ts';
import type { Step } from './schedule.ts';
import { residents, visitor } from './schedule.ts';
import { until } from './until.ts';
import { killIn } from './windows.ts';
import type { FaultWorld } from './world.ts';

/** How often what was done, by name; and the names of what was tried and did not come to pass. */
export class Tally {
  readonly hits = new Map<string, number>();
  readonly missed: string[] = [];

  count(name: string, times = 1): void {
    this.hits.set(name, (this.hits.get(name) ?? 0) + times);
  }

  /** Of all whose names begin so. */
  sum(prefix: string): number {
    return [...this.hits].reduce((sum, [name, times]) => (name.startsWith(prefix) ? sum + times : sum), 0);
  }
}

const waitMs = 45_000;

export async function takeStep(world: FaultWorld, step: Step, tally: Tally): Promise<void> {
  switch (step.kind) {
    case 'kill':
      return takeKill(world, step, tally);
    case 'freeze':
      return takeFreeze(world, step, tally);
    case 'brokers':
      return takeBrokers(world, step, tally);
    case 'storm':
      return takeStorm(world, step, tally);
    case 'proxy':
      return takeProxy(world, step, tally);
  }
}

type Of<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>;

async function takeKill(world: FaultWorld, step: Of<'kill'>, tally: Tally): Promise<void> {
  const { window, instance, lagMs } = step;
  const name = `kill: ${window}`;
  // Killed at work, not while it starts.
  const working = await world.produces(instance, waitMs);
  const others = residents.filter((other) => other !== instance);
  const aim = { window, instance, partner: visitor, others, lagMs, timeoutMs: waitMs };
  const killed = working && (await killIn(world, aim)) !== undefined;
  if (killed) tally.count(name);
  else tally.missed.push(`${name} of ${instance}${working ? '' : ' (it produced nothing)'}`);
  for (const resident of residents) if (!world.plane(resident).running) world.start(resident);
}

async function takeFreeze(world: FaultWorld, step: Of<'freeze'>, tally: Tally): Promise<void> {
  const { instance, api, forMs } = step;
  const plane = world.plane(instance);
  const name = `freeze: after ${api}`;
  const rule = world.proxy.add({
    clientId: clientIdOf(instance),
    api,
    on: 'answer',
    act: { kind: 'pass' },
    times: 1,
    hit: () => plane.freeze(),
  });
  const hit = await until(() => rule.hits() > 0, waitMs);
  rule.remove();
  if (!hit) {
    tally.missed.push(`${name} of ${instance}`);
    return;
  }
  await sleep(forMs);
  plane.thaw();
  tally.count(name);
}

async function takeBrokers(world: FaultWorld, step: Of<'brokers'>, tally: Tally): Promise<void> {
  for (const index of step.order) {
    const broker = world.brokers.nodes[index];
    if (broker === undefined) throw new Error(`there is no broker ${index}`);
    await broker.kill();
    await sleep(step.downMs);
    await broker.start();
    tally.count('broker: killed hard and restarted');
    if (!(await inSync(world))) tally.missed.push(`broker ${broker.id} was not in sync again in time`);
  }
}

async function takeStorm(world: FaultWorld, step: Of<'storm'>, tally: Tally): Promise<void> {
  for (let turn = 0; turn < step.turns; turn += 1) {
    const began = Date.now();
    const plane = world.planes.get(visitor);
    if (plane?.running === true) {
      if (!(await plane.leave())) tally.missed.push('leaving within 20 seconds');
      tally.count('storm: left');
    } else {
      world.start(visitor);
      tally.count('storm: joined');
    }
    await sleep(Math.max(0, 2_000 - (Date.now() - began)));
  }
}

async function takeProxy(world: FaultWorld, step: Of<'proxy'>, tally: Tally): Promise<void> {
  const { instance, api, on, act, times } = step;
  const name = `proxy: ${act.kind === 'answer' ? 'error code' : act.kind} on ${api}`;
  // Of heartbeats the answer that assigns partitions is the one to lose: the visitor comes or goes, and who is told is the broker's choice.
  const handOver = api === 'consumerGroupHeartbeat' && on === 'answer';
  const when = handOver ? ({ frame }: Passing): boolean => assignedPartitions(frame) !== undefined : undefined;
  const rules = (handOver ? residents : [instance]).map((aimed) =>
    world.proxy.add({ clientId: clientIdOf(aimed), api, on, act, times, ...(when && { when }) }),
  );
  const hits = (): number => rules.reduce((sum, rule) => sum + rule.hits(), 0);
  if (handOver) world.comeOrGo(visitor);
  // Only a data plane that starts asks for a producer's id.
  if (api === 'initProducerId') {
    world.plane(instance).kill();
    await world.plane(instance).gone();
    world.start(instance);
  }
  const hit = await until(() => hits() > 0, waitMs);
  // The rest of its times may come while the next steps are taken, or not at all.
  if (hit) await sleep(500);
  for (const rule of rules) rule.remove();
  if (hit) tally.count(name, hits());
  else tally.missed.push(`${name} of ${instance}`);
}

/** Waits until each partition has all its replicas in sync. */
async function inSync({ place, brokers, names }: FaultWorld): Promise<boolean> {
  const { username, password } = place;
  const kafka = new kafkajs.Kafka({
    clientId: 'fault-run-sync',
    brokers: [...place.addresses],
    sasl: { mechanism: 'scram-sha-512', username, password },
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 60, maxRetryTime: 1_000 },
  });
  const admin = kafka.admin();
  await admin.connect();
  const topics = [...topicsOf(names), topicNames.raw(names.dataset), '__consumer_offsets', '__transaction_state'];
  const deadline = Date.now() + waitMs;
  try {
    for (;;) {
      const found = await admin.fetchTopicMetadata({ topics }).catch(() => undefined);
      const partitions = found?.topics.flatMap((topic) => topic.partitions) ?? [];
      if (partitions.length > 0 && partitions.every(({ isr }) => isr.length === brokers.nodes.length)) return true;
      if (Date.now() > deadline) return false;
      await sleep(250);
    }
  } finally {
    await admin.disconnect();
  }
}
