/** The governed streams that subscribers read over HTTP: opened with their Kafka credential, ended by the first directive that changes their agreement. */
import type { Counter } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import type { KafkaOptions } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import { attributeNames, metricNames } from '../../../libs/telemetry/index.ts';
import type { Freshness } from '../freshness.ts';
import type { Credential, StreamStart } from './governed-stream.ts';
import { GovernedStream } from './governed-stream.ts';

export interface StreamsOptions {
  /** Our brokers; the account in it is not used. */
  readonly kafka: KafkaOptions;
  /** Streams open at once, and of one account. */
  readonly openMax: number;
  readonly openPerAccountMax: number;
  readonly fresh: Freshness;
}

/** An open stream. `ended` is aborted when the agreement changes or directives cannot be read. */
export interface OpenStream {
  readonly stream: GovernedStream;
  readonly ended: AbortSignal;
  /** Waits until something may leave; false once `over` is aborted. */
  maySend(over: AbortSignal): Promise<boolean>;
  delivered(records: number): void;
  close(): Promise<void>;
}

export class Streams {
  readonly #options: StreamsOptions;
  readonly #directives = new Map<string, Directive>();
  readonly #open = new Set<{ agreement: string; account: string; end: AbortController }>();
  readonly #delivered: Counter;
  #following = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#delivered = metrics.getMeter('sluice').createCounter(metricNames.deliveredRecords, { unit: '{record}' });
  }

  /** Every directive that is known, or that changed; ends the streams of those agreements: a reader comes back with its cursor. */
  apply(directives: readonly Directive[]): void {
    this.#following = true;
    for (const directive of directives) {
      if (this.#directives.get(directive.agreement)?.revision === directive.revision) continue;
      this.#directives.set(directive.agreement, directive);
      for (const { agreement, end } of this.#open) if (agreement === directive.agreement) end.abort();
    }
  }

  /** Directives cannot be read, and one may say stop. */
  endAll(): void {
    this.#following = false;
    for (const { end } of this.#open) end.abort();
  }

  /** Open streams by agreement. */
  status(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { agreement } of this.#open) counts[agreement] = (counts[agreement] ?? 0) + 1;
    return counts;
  }

  /**
   * Fails with `unauthenticated`; `not-found` for an agreement that is not known or not the account's; `conflict` for one that is not
   * served now; `rate-limited` over the limits.
   */
  async open(agreement: string, credential: Credential, start: StreamStart): Promise<Result<OpenStream>> {
    const { openMax, openPerAccountMax } = this.#options;
    if (!this.#following) return fail('broker-unreachable', 'directives cannot be read now');
    const mine = [...this.#open].filter(({ account }) => account === credential.username).length;
    if (this.#open.size >= openMax || mine >= openPerAccountMax)
      return fail('rate-limited', `more than ${mine >= openPerAccountMax ? openPerAccountMax : openMax} streams are open`);
    const entry = { agreement, account: credential.username, end: new AbortController() };
    this.#open.add(entry);
    const opened = await this.#openAs(agreement, credential, start);
    if (!opened.ok) {
      this.#open.delete(entry);
      return opened;
    }
    const stream = opened.value;
    // It may have changed while the connection was made.
    if (this.#directives.get(agreement) !== stream.directive) entry.end.abort();
    const timer = endAt(stream.directive, entry.end);
    return ok({
      stream,
      ended: entry.end.signal,
      maySend: (over) => this.#options.fresh.reached(over),
      delivered: (records) =>
        this.#delivered.add(records, { [attributeNames.agreement]: agreement, [attributeNames.delivery]: 'stream' }),
      close: async () => {
        clearTimeout(timer);
        this.#open.delete(entry);
        await stream.close();
      },
    });
  }

  async #openAs(agreement: string, credential: Credential, start: StreamStart): Promise<Result<GovernedStream>> {
    const directive = this.#directives.get(agreement);
    const stream = await GovernedStream.open(this.#options.kafka, credential, agreement, directive, start);
    if (!stream.ok) return stream;
    const { state, expiresAtMs } = stream.value.directive;
    const isOver = expiresAtMs !== undefined && expiresAtMs <= Date.now();
    if (state === 'started' && !isOver) return stream;
    await stream.value.close();
    return fail('conflict', `agreement ${agreement} is ${isOver ? 'over' : state}`);
  }
}

/** Longest wait of a timer, milliseconds. A stream that is open for so long ends, and its reader comes back. */
const timerMsMax = 2_147_483_647;

/** Ends with the period, whether or not a directive says so in time. */
function endAt({ expiresAtMs }: Directive, end: AbortController): NodeJS.Timeout | undefined {
  if (expiresAtMs === undefined) return undefined;
  return setTimeout(() => end.abort(), Math.min(timerMsMax, Math.max(0, expiresAtMs - Date.now()))).unref();
}
