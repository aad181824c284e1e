/** Which delivery runs: one for each started mirror or webhook agreement, begun, ended and begun again as the directives say. */
import type { Counter } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import type { Cluster, DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import { momentNow } from '../../libs/base/index.ts';
import type { Directive, KeyOpener } from '../../libs/catalog/index.ts';
import { attributeNames, metricNames } from '../../libs/telemetry/index.ts';
import type { DeliveryStatus, Pace, RunDelivery } from './delivery.ts';
import { pause, restartMs } from './delivery.ts';
import type { Freshness } from './freshness.ts';
import { runMirror } from './mirror-delivery.ts';
import type { Streams } from './streams/streams.ts';
import type { TrustedTargets } from './target-guard.ts';
import { runWebhook } from './webhook-delivery.ts';

interface DeliveriesOptions {
  readonly source: Cluster;
  readonly feed: Pick<DirectiveFeed, 'current' | 'poll' | 'close'>;
  readonly vault: KeyOpener;
  readonly log: (sentence: string) => void;
  readonly pace: Pace;
  readonly fresh: Freshness;
  readonly trusted: TrustedTargets;
  /** Told of every directive as well. */
  readonly streams?: Pick<Streams, 'apply' | 'endAll'>;
}

type Kind = DeliveryStatus['kind'];

interface Running {
  readonly kind: Kind;
  readonly stop: AbortController;
  done: Promise<void>;
}

interface Counts {
  kind: Kind;
  state: DeliveryStatus['state'];
  delivered: number;
  lagRecords: number;
  lastError?: string;
}

const kinds: Readonly<Record<Kind, RunDelivery>> = { mirror: runMirror, webhook: runWebhook };
/** A run that lasted this long was a good one: the next failure waits from the beginning of the back-off. */
const goodRunMs = 60_000;
const directivePollMs = 250;

const attributesOf = (agreement: string, kind: Kind): Record<string, string> => ({
  [attributeNames.agreement]: agreement,
  [attributeNames.delivery]: kind,
});

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #running = new Map<string, Running>();
  /** What the directives of an agreement have told so far, one after another. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #counts = new Map<string, Counts>();
  readonly #stopped = new AbortController();
  readonly #delivered: Counter;
  #following: Promise<void> = Promise.resolve();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    const meter = metrics.getMeter('sluice');
    this.#delivered = meter.createCounter(metricNames.deliveredRecords, { unit: '{record}' });
    meter.createObservableGauge(metricNames.deliveryLagRecords, { unit: '{record}' }).addCallback((gauge) => {
      for (const { agreement, kind, lagRecords } of this.status()) gauge.observe(lagRecords, attributesOf(agreement, kind));
    });
  }

  start(): void {
    const { feed, streams } = this.#options;
    // The feed was read to its end when it was opened.
    streams?.apply([...feed.current().values()]);
    this.#following = this.#follow();
  }

  status(): readonly DeliveryStatus[] {
    return [...this.#counts].map(([agreement, counts]) => ({ agreement, ...counts }));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    await this.#endAll();
    await this.#options.feed.close();
  }

  /** Applies what is known, then every change; ends everything while directives cannot be read, because one may say stop. */
  async #follow(): Promise<void> {
    const { feed, pace, fresh, log } = this.#options;
    let answeredMs = performance.now();
    let following = false;
    while (!this.#stopped.signal.aborted) {
      const asked = momentNow();
      const polled = await feed.poll(directivePollMs);
      if (polled.ok) {
        answeredMs = performance.now();
        this.#apply(following ? polled.value : [...feed.current().values()]);
        // What changed has been told to stop; that it ends is waited for beside this, or one that ends slowly would hold up all others.
        fresh.renew(asked);
        following = true;
        continue;
      }
      if (following && performance.now() - answeredMs > pace.directivesStaleMs) {
        log(`Delivery stops until directives can be read again: ${polled.failure.message}.`);
        await this.#endAll();
        following = false;
      }
      await pause(pace.retryBaseMs, this.#stopped.signal);
    }
  }

  #apply(directives: readonly Directive[]): void {
    this.#options.streams?.apply(directives);
    for (const directive of directives) {
      const { agreement } = directive;
      this.#running.get(agreement)?.stop.abort();
      const before = this.#turns.get(agreement) ?? Promise.resolve();
      this.#turns.set(
        agreement,
        before.then(() => this.#turnTo(directive)),
      );
    }
  }

  /** Ends what runs, and begins what this directive says unless a newer one has come since. */
  async #turnTo(directive: Directive): Promise<void> {
    const { agreement, state } = directive;
    const { kind } = directive.delivery;
    await this.#end(agreement);
    if (this.#stopped.signal.aborted || this.#options.feed.current().get(agreement) !== directive) return;
    if (kind !== 'kafka' && state === 'started') this.#begin(directive, kind);
    else if (kind === 'kafka') this.#counts.delete(agreement);
  }

  #begin(directive: Directive, kind: Kind): void {
    const stop = new AbortController();
    const known = this.#counts.get(directive.agreement);
    const counts: Counts = { kind, state: 'running', delivered: known?.delivered ?? 0, lagRecords: known?.lagRecords ?? 0 };
    this.#counts.set(directive.agreement, counts);
    const running: Running = { kind, stop, done: Promise.resolve() };
    running.done = this.#keepRunning(directive, running, counts);
    this.#running.set(directive.agreement, running);
  }

  async #keepRunning(directive: Directive, { kind, stop }: Running, counts: Counts): Promise<void> {
    const { source, vault, pace, fresh, log, trusted } = this.#options;
    for (let attempt = 0; !stop.signal.aborted; attempt += 1) {
      const startedMs = performance.now();
      const deliveredBefore = counts.delivered;
      counts.state = 'running';
      const ended = await kinds[kind]({
        source,
        vault,
        directive,
        pace,
        fresh,
        stopped: stop.signal,
        trusted,
        log,
        delivered: (count) => {
          counts.delivered += count;
          this.#delivered.add(count, attributesOf(directive.agreement, kind));
          delete counts.lastError;
        },
        lag: (records) => {
          counts.lagRecords = records;
        },
      });
      if (ended.ok && ended.value === 'gone') {
        counts.lastError = 'the receiver answered 410 and gets no more until the agreement changes';
        log(`Delivery of ${directive.agreement} ended: ${counts.lastError}.`);
      }
      if (ended.ok || stop.signal.aborted) break;
      if (counts.lastError !== ended.failure.message) log(`Delivery of ${directive.agreement} waits: ${ended.failure.message}.`);
      counts.lastError = ended.failure.message;
      counts.state = 'waiting';
      if (counts.delivered > deliveredBefore || performance.now() - startedMs > goodRunMs) attempt = 0;
      await pause(restartMs(ended.failure, attempt, pace), stop.signal);
    }
    counts.state = 'stopped';
  }

  async #end(agreement: string): Promise<void> {
    const running = this.#running.get(agreement);
    if (running === undefined) return;
    running.stop.abort();
    await running.done;
    this.#running.delete(agreement);
  }

  async #endAll(): Promise<void> {
    this.#options.streams?.endAll();
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all(this.#turns.values());
    this.#turns.clear();
    await Promise.all([...this.#running.keys()].map((agreement) => this.#end(agreement)));
  }
}
