/** The moments at which a data plane is killed, told from outside by what has passed the proxy. */
import { assignedPartitions, fetchedBytes } from './error-answers.ts';
import { clientIdOf } from './plane-process.ts';
import type { PlacedRule, Rule } from './proxy.ts';
import { until } from './until.ts';
import type { FaultWorld } from './world.ts';

export const windows = [
  'after Produce',
  'after TxnOffsetCommit',
  'EndTxn sent',
  'hand-over',
  'directive change',
  'directive change in an open transaction',
] as const;
export type Window = (typeof windows)[number];

export interface Aim {
  readonly window: Window;
  readonly instance: string;
  /** For a hand-over: the data plane that joins, or leaves when it runs, and those of which the first one with a new assignment is killed instead. */
  readonly partner: string;
  readonly others: readonly string[];
  /** Between what passed and the kill. */
  readonly lagMs: number;
  /** After this the window counts as missed, and nothing is killed. */
  readonly timeoutMs: number;
}

/** Kills a data plane in a window. Resolves with the time of the kill, milliseconds since the epoch, or undefined when the window did not come. */
export async function killIn(world: FaultWorld, aim: Aim): Promise<number | undefined> {
  let killedAtMs: number | undefined;
  let aimed: string | undefined;
  const kill = (instance = aim.instance): void => {
    aimed ??= instance;
    const plane = world.plane(aimed);
    const now = (): void => {
      killedAtMs ??= Date.now();
      plane.kill();
    };
    if (aim.lagMs === 0) now();
    else setTimeout(now, aim.lagMs);
  };
  const rules = openings[aim.window](world, aim, kill);
  await until(() => killedAtMs !== undefined, aim.timeoutMs);
  for (const rule of rules) rule.remove();
  if (aimed !== undefined && killedAtMs !== undefined) await world.plane(aimed).gone();
  return killedAtMs;
}

type Opening = (world: FaultWorld, aim: Aim, kill: (instance?: string) => void) => PlacedRule[];

const openings: Record<Window, Opening> = {
  'after Produce': (world, aim, kill) => [world.proxy.add({ ...once(aim, () => kill()), api: 'produce' })],

  'after TxnOffsetCommit': (world, aim, kill) => [world.proxy.add({ ...once(aim, () => kill()), api: 'txnOffsetCommit' })],

  // The broker has decided, the data plane never hears of it.
  'EndTxn sent': (world, aim, kill) => [
    world.proxy.add({ ...once(aim, () => kill()), api: 'endTxn', act: { kind: 'black-hole' } }),
  ],

  'hand-over': (world, aim, kill) => {
    // Who has to give something up, or gets something, is the broker's choice.
    const rules = [aim.instance, ...aim.others].map((instance) =>
      world.proxy.add({
        ...once({ ...aim, instance }, () => kill(instance)),
        api: 'consumerGroupHeartbeat',
        when: ({ frame }) => assignedPartitions(frame) !== undefined,
      }),
    );
    world.comeOrGo(aim.partner);
    return rules;
  },

  'directive change': (world, aim, kill) => {
    const rule = world.proxy.add(directiveFetched(world, aim, kill));
    void world.direct('open');
    return [rule];
  },

  // Its EndTxn is held back by the proxy, the directive goes out meanwhile, and it dies when it has fetched that.
  'directive change in an open transaction': (world, aim, kill) => {
    const fetched: PlacedRule[] = [];
    const held = world.proxy.add({
      clientId: clientIdOf(aim.instance),
      api: 'endTxn',
      on: 'request',
      times: 1,
      act: { kind: 'delay', ms: 4_000 },
      when: () => {
        fetched.push(world.proxy.add(directiveFetched(world, aim, kill)));
        void world.direct('open');
        return true;
      },
    });
    return [held, { hits: () => 0, remove: () => fetched.forEach((rule) => rule.remove()) }];
  },
};

const once = ({ instance }: Pick<Aim, 'instance'>, hit: () => void): Omit<Rule, 'api'> => ({
  clientId: clientIdOf(instance),
  on: 'answer',
  act: { kind: 'pass' },
  times: 1,
  hit,
});

const directiveFetched = ({ directivesTopicId }: FaultWorld, aim: Aim, kill: () => void): Rule => ({
  ...once(aim, kill),
  api: 'fetch',
  when: ({ frame }) => (fetchedBytes(frame).get(directivesTopicId) ?? 0) > 0,
});
