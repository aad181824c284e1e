/** What the directives of several agreements have to do with each other: nothing. Nobody is sent anything here. */
import { expect, test } from '@jest/globals';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, momentNow } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { Deliveries } from './deliveries.ts';
import { pace } from './delivery.ts';
import { Freshness } from './freshness.ts';
import { directiveFor, MemoryFeed, until, wrapPlain } from './link-fixture.ts';

test('an agreement whose delivery ends slowly holds up no other, nor what is known of the directives', async () => {
  const feed = new MemoryFeed();
  const fresh = new Freshness(pace.directiveAgeMsMax);
  let answer: (opened: Result<Uint8Array>) => void = () => undefined;
  const slow = new Promise<Result<Uint8Array>>((resolve) => (answer = resolve));
  let asked = 0;
  const deliveries = new Deliveries({
    // Without its secret a delivery asks the brokers for nothing.
    source: undefined as unknown as Cluster,
    feed,
    vault: {
      unwrap: (_, context) => {
        asked += 1;
        return context.includes('agreement-slow')
          ? slow
          : Promise.resolve(fail('key-missing', 'unwrapping a secret: it is not there'));
      },
    },
    log: () => undefined,
    pace,
    fresh,
    trusted: new Set(['127.0.0.1:1']),
  });
  const put = (agreement: string, revision: number, state: Directive['state']): void => {
    const delivery = { kind: 'webhook', url: 'http://127.0.0.1:1/in', secret: wrapPlain('secret'), batchRecordsMax: 1 } as const;
    feed.put({ ...directiveFor(agreement, delivery), revision, state });
  };
  const states = (): Record<string, string> =>
    Object.fromEntries(deliveries.status().map(({ agreement, state }) => [agreement, state]));
  put('agreement-slow', 1, 'started');
  put('agreement-other', 1, 'started');
  deliveries.start();
  await until(() => asked === 2, states);
  put('agreement-slow', 2, 'suspended');
  put('agreement-other', 2, 'suspended');
  await until(() => states()['agreement-other'] === 'stopped', states);
  expect(states()['agreement-slow']).not.toBe('stopped');
  expect(fresh.holds()).toBe(true);
  // What comes meanwhile waits for its end, and the newest is what counts.
  put('agreement-slow', 3, 'started');
  put('agreement-slow', 4, 'suspended');
  answer(fail('key-missing', 'unwrapping a secret: it is not there'));
  await until(() => states()['agreement-slow'] === 'stopped', states);
  await deliveries.stop();
  expect(asked).toBe(2);
});

test('who waits for directives to be current goes on with an answer to a new question, not with a late one to an old', async () => {
  const fresh = new Freshness(1_000);
  const never = new AbortController().signal;
  const stop = new AbortController();
  const seen: string[] = [];
  const waits = [
    fresh.reached(never).then((reached) => seen.push(`goes on: ${reached}`)),
    fresh.reached(stop.signal).then((reached) => seen.push(`stopped: ${reached}`)),
  ];
  const now = momentNow();
  fresh.renew({ wallMs: now.wallMs - 5_000, steadyMs: now.steadyMs - 5_000 });
  expect(fresh.holds()).toBe(false);
  stop.abort();
  await waits[1];
  expect(seen).toEqual(['stopped: false']);
  fresh.renew(momentNow());
  await waits[0];
  expect(seen).toEqual(['stopped: false', 'goes on: true']);
  expect(await fresh.reached(stop.signal)).toBe(false);
});
