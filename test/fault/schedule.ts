/** The steps of a fault run, drawn from its seed: the same seed gives the same steps in the same order. */
import type { Random } from '../scrub/random.ts';
import type { ApiName } from './kafka-frames.ts';
import type { Act } from './proxy.ts';
import type { Window } from './windows.ts';
import { windows } from './windows.ts';

/** The data planes that always run. A third one comes and goes. */
export const residents = ['one', 'two'] as const;
export const visitor = 'three';

export type Step =
  | { readonly kind: 'kill'; readonly window: Window; readonly instance: string; readonly lagMs: number }
  /** SIGSTOP when an answer of this api has passed, SIGCONT after the time. */
  | { readonly kind: 'freeze'; readonly instance: string; readonly api: ApiName; readonly forMs: number }
  /** A hard kill of one broker after the other. */
  | { readonly kind: 'brokers'; readonly order: readonly number[]; readonly downMs: number }
  /** The visitor joins or leaves every two seconds. */
  | { readonly kind: 'storm'; readonly turns: number }
  | {
      readonly kind: 'proxy';
      readonly instance: string;
      readonly api: ApiName;
      readonly on: 'request' | 'answer';
      readonly act: Act;
      readonly times: number;
    };

/** Error codes that a broker may answer in place of doing what it was asked to. Source: Apache Kafka protocol guide, "Error Codes". */
const codes: Record<ApiName, readonly number[]> = {
  produce: [6, 7, 19, 45, 47],
  fetch: [6, 74, 100],
  initProducerId: [14, 16, 51],
  endTxn: [15, 16, 47, 51, 90],
  txnOffsetCommit: [14, 16, 25, 51, 113],
  consumerGroupHeartbeat: [14, 15, 16, 25, 110],
};
export const faultedApis = Object.keys(codes) as ApiName[];
export const faultedActs = ['delay', 'drop', 'black-hole', 'answer'] as const;

export interface Amount {
  readonly killsPerWindow: number;
  readonly freezes: number;
  readonly brokers: number;
  readonly storms: number;
  /** Whether each api is delayed, dropped, swallowed and answered with an error. */
  readonly proxyFaults: boolean;
}

export function drawSchedule(random: Random, amount: Amount): Step[] {
  const instance = (): string => random.of(residents);
  const steps: Step[] = [];
  for (const window of windows) {
    for (let index = 0; index < amount.killsPerWindow; index += 1) {
      steps.push({ kind: 'kill', window, instance: instance(), lagMs: random.chance(0.5) ? 0 : random.whole(1, 15) });
    }
  }
  for (let index = 0; index < amount.freezes; index += 1) {
    const api = (['produce', 'txnOffsetCommit', 'endTxn'] as const)[index % 3] ?? 'produce';
    // Longer than a member's session, and once longer than the transaction may last.
    steps.push({ kind: 'freeze', instance: instance(), api, forMs: random.of([8_000, 14_000]) });
  }
  for (let index = 0; index < amount.storms; index += 1) steps.push({ kind: 'storm', turns: random.whole(4, 6) });
  if (amount.proxyFaults)
    for (const api of faultedApis) for (const kind of faultedActs) steps.push(proxyStep(random, instance(), api, kind));
  if (amount.brokers > 0) {
    const order = shuffled(random, [...Array(amount.brokers).keys()]);
    steps.push({ kind: 'brokers', order, downMs: random.whole(500, 4_000) });
  }
  return shuffled(random, steps);
}

function proxyStep(random: Random, instance: string, api: ApiName, kind: (typeof faultedActs)[number]): Step {
  // A heartbeat whose answer is lost has done its work at the broker, which is the harder case.
  const lost = api === 'consumerGroupHeartbeat' ? (['answer'] as const) : (['request', 'answer'] as const);
  const on = kind === 'answer' ? 'request' : random.of<'request' | 'answer'>(lost);
  const acts: Record<typeof kind, Act> = {
    delay: { kind: 'delay', ms: random.whole(300, 2_500) },
    drop: { kind: 'drop' },
    'black-hole': { kind: 'black-hole' },
    answer: { kind: 'answer', code: random.of(codes[api]) },
  };
  return {
    kind: 'proxy',
    instance,
    api,
    on,
    act: acts[kind],
    times: kind === 'delay' || kind === 'answer' ? random.whole(1, 3) : 1,
  };
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = random.whole(0, last);
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}
