/** What may run now: the newest directives, and for each started agreement its Programs bound to its keys. Fails closed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, ok } from '../../libs/base/index.ts';
import type { Directive, KeyVault } from '../../libs/catalog/index.ts';
import type { BoundProgram, Lane } from '../../libs/govern/index.ts';
import { instantiate } from '../../libs/govern/index.ts';
import type { SealKey } from '../../libs/ledger/index.ts';
import { importSealKey } from '../../libs/ledger/index.ts';
import { stages } from '../../libs/stages/index.ts';

/** A started agreement with everything that its records need. */
export interface LiveAgreement extends Lane {
  readonly directive: Directive;
}

/** The live agreements of one dataset. A new object, with a higher version, whenever one of them changes. */
export interface DatasetBoard {
  readonly version: number;
  readonly agreements: readonly LiveAgreement[];
  readonly sealTo: SealKey;
}

export interface DirectiveBoardOptions {
  readonly cluster: Cluster;
  readonly vault: KeyVault;
  readonly report: (failure: Failure) => void;
}

const pollWaitMs = 400;

export class DirectiveBoard {
  readonly #options: DirectiveBoardOptions;
  readonly #feed: DirectiveFeed;
  readonly #live = new Map<string, LiveAgreement>();
  readonly #boards = new Map<string, DatasetBoard>();
  #lastPollAt = 0;
  #polls = 0;
  #version = 0;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  onChange: () => void = () => undefined;

  private constructor(options: DirectiveBoardOptions, feed: DirectiveFeed) {
    this.#options = options;
    this.#feed = feed;
  }

  /** Reads every directive up to the end seen now before it answers. */
  static async open(options: DirectiveBoardOptions): Promise<Result<DirectiveBoard>> {
    const feed = await DirectiveFeed.open(options.cluster, options.report);
    if (!feed.ok) return during('opening the directives', feed.failure);
    const board = new DirectiveBoard(options, feed.value);
    await board.#apply([...feed.value.current().values()]);
    board.#lastPollAt = Date.now();
    return ok(board);
  }

  start(): void {
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#feed.close();
  }

  /** Datasets with at least one live agreement. */
  datasets(): readonly string[] {
    return [...this.#boards.keys()];
  }

  board(dataset: string): DatasetBoard | undefined {
    return this.#boards.get(dataset);
  }

  /** Milliseconds since the directives were last known to be current. */
  ageMs(): number {
    return Date.now() - this.#lastPollAt;
  }

  /** Resolves after a poll that began after this call, or after `timeoutMs`: false means that the directives may be stale. */
  async caughtUp(timeoutMs = 5_000): Promise<boolean> {
    const seen = this.#polls;
    const deadline = Date.now() + timeoutMs;
    // The poll under way may have begun before; the one after it has not.
    while (this.#polls < seen + 2) {
      if (this.#stopped || Date.now() > deadline) return false;
      await sleep(20);
    }
    return true;
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      const changed = await this.#feed.poll(pollWaitMs);
      if (!changed.ok) {
        this.#options.report(changed.failure);
        await sleep(500);
        continue;
      }
      await this.#apply(changed.value);
      this.#lastPollAt = Date.now();
      this.#polls += 1;
    }
  }

  async #apply(changed: readonly Directive[]): Promise<void> {
    for (const directive of changed) {
      const live = directive.state === 'started' ? await this.#bring(directive) : undefined;
      // A directive that cannot be brought to life ends the earlier one as well: running on would be running what was replaced.
      if (live === undefined) this.#live.delete(directive.agreement);
      else this.#live.set(directive.agreement, live);
    }
    for (const dataset of new Set(changed.map((directive) => directive.dataset))) await this.#rebuild(dataset);
    if (changed.length > 0) this.onChange();
  }

  async #bring(directive: Directive): Promise<LiveAgreement | undefined> {
    const action = `starting agreement ${directive.agreement}`;
    const dataKey = await this.#options.vault.unwrap(directive.dataKey, `agreement/${directive.agreement}`);
    if (!dataKey.ok) return this.#refuse(during(action, dataKey.failure).failure);
    const programs = new Map<number, BoundProgram>();
    for (const approved of directive.programs) {
      const program = instantiate(approved, stages);
      if (!program.ok) return this.#refuse(during(action, program.failure).failure);
      const bound = program.value.bind({
        governedSchemaId: approved.governedSchemaId,
        datasetId: directive.dataset,
        dataKey: dataKey.value,
      });
      if (!bound.ok) return this.#refuse(during(action, bound.failure).failure);
      programs.set(approved.writerSchemaId, bound.value);
    }
    return { agreement: directive.agreement, directive, programs };
  }

  #refuse(failure: Failure): undefined {
    this.#options.report(failure);
    return undefined;
  }

  async #rebuild(dataset: string): Promise<void> {
    const agreements = [...this.#live.values()].filter(({ directive }) => directive.dataset === dataset);
    const [first] = agreements;
    this.#version += 1;
    if (first === undefined) {
      this.#boards.delete(dataset);
      return;
    }
    const sealTo = await importSealKey(first.directive.sealTo);
    if (sealTo.ok) this.#boards.set(dataset, { version: this.#version, agreements, sealTo: sealTo.value });
    else {
      this.#boards.delete(dataset);
      this.#options.report(during(`starting dataset ${dataset}`, sealTo.failure).failure);
    }
  }
}
