/** What may run now: the newest directives, and for each started agreement its Programs bound to its keys. Fails closed. */
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { canonicalJson, during, ok } from '../../libs/base/index.ts';
import type { ApprovedProgram, Directive, KeyVault } from '../../libs/catalog/index.ts';
import type { BoundProgram, Lane, RunnableProgram } from '../../libs/govern/index.ts';
import { instantiate } from '../../libs/govern/index.ts';
import type { SealKey } from '../../libs/ledger/index.ts';
import { importSealKey } from '../../libs/ledger/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { recordIdKey } from './lane-group.ts';

/** A started agreement with everything that its records need. */
export interface LiveAgreement extends Lane {
  readonly directive: Directive;
  /** The same text for agreements that one computation serves: equal modules, equal needs resolved to equal keys, equal form of output. */
  readonly computation: string;
  /** Where its governed records carry ids. */
  readonly recordIdKey?: KeyObject;
}

/** The agreements of one dataset. A new object, with a higher version, whenever one of them changes. */
export interface DatasetBoard {
  readonly version: number;
  /** The live ones. */
  readonly agreements: readonly LiveAgreement[];
  /** The newest directive of each, live or not. */
  readonly directives: readonly Directive[];
  readonly sealTo: SealKey;
  /** From this moment on one of the live ones is not live any more, milliseconds since the epoch. */
  readonly validUntilMs: number;
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
  readonly #directives = new Map<string, Directive>();
  readonly #live = new Map<string, LiveAgreement>();
  /** Checked Programs by hash: agreements that have the same one share it. */
  readonly #programs = new Map<string, RunnableProgram>();
  readonly #boards = new Map<string, DatasetBoard>();
  /** How often one was not among them. */
  programMisses = 0;
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
    return [...this.#boards].flatMap(([dataset, { agreements }]) => (agreements.length > 0 ? [dataset] : []));
  }

  board(dataset: string): DatasetBoard | undefined {
    return this.#boards.get(dataset);
  }

  /** Checked Programs that are kept. */
  get programCount(): number {
    return this.#programs.size;
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
      await this.#expire();
      this.#lastPollAt = Date.now();
      this.#polls += 1;
    }
  }

  async #apply(changed: readonly Directive[]): Promise<void> {
    const datasets = new Set<string>();
    for (const directive of changed) {
      const { agreement, dataset } = directive;
      datasets.add(this.#directives.get(agreement)?.dataset ?? dataset).add(dataset);
      this.#directives.set(agreement, directive);
      const live = directive.state === 'started' && !hasExpired(directive) ? await this.#bring(directive) : undefined;
      // A directive that cannot be brought to life ends the earlier one as well: running on would be running what was replaced.
      if (live === undefined) this.#live.delete(agreement);
      else this.#live.set(agreement, live);
    }
    for (const dataset of datasets) await this.#rebuild(dataset);
    if (changed.length > 0) this.onChange();
  }

  /** Takes agreements from the board whose time is over, whether or not a directive says so. */
  async #expire(): Promise<void> {
    const over = [...this.#live.values()].filter(({ directive }) => hasExpired(directive));
    for (const { agreement } of over) this.#live.delete(agreement);
    for (const dataset of new Set(over.map(({ directive }) => directive.dataset))) await this.#rebuild(dataset);
    if (over.length > 0) this.onChange();
  }

  async #bring(directive: Directive): Promise<LiveAgreement | undefined> {
    const { agreement, dataset } = directive;
    const action = `starting agreement ${agreement}`;
    const dataKey = await this.#options.vault.unwrap(directive.dataKey, `agreement/${agreement}`);
    if (!dataKey.ok) return this.#refuse(during(action, dataKey.failure).failure);
    const programs = new Map<number, BoundProgram>();
    for (const approved of directive.programs) {
      const program = this.#program(approved);
      if (!program.ok) return this.#refuse(during(action, program.failure).failure);
      const { governedSchemaId } = approved;
      const bound = program.value.bind({ governedSchemaId, datasetId: dataset, dataKey: dataKey.value });
      if (!bound.ok) return this.#refuse(during(action, bound.failure).failure);
      programs.set(approved.writerSchemaId, bound.value);
    }
    return {
      agreement,
      directive,
      programs,
      computation: computationOf(directive, programs),
      ...(directive.recordIds === true ? { recordIdKey: recordIdKey(dataKey.value, dataset) } : {}),
    };
  }

  /** The approved Program, from the cache where its bytes were checked before. */
  #program(approved: ApprovedProgram): Result<RunnableProgram> {
    const name = canonicalJson([approved.programHash, approved.writerSchema, approved.manifest.length, approved.module.length]);
    const known = this.#programs.get(name);
    if (known !== undefined && known.manifest === approved.manifest) return ok(known);
    this.programMisses += 1;
    const program = instantiate(approved, stages);
    if (program.ok) this.#programs.set(name, program.value);
    return program;
  }

  #refuse(failure: Failure): undefined {
    this.#options.report(failure);
    return undefined;
  }

  async #rebuild(dataset: string): Promise<void> {
    const directives = [...this.#directives.values()].filter((directive) => directive.dataset === dataset);
    const agreements = [...this.#live.values()].filter(({ directive }) => directive.dataset === dataset);
    // Without a live one the board stays for as long as it was there: its worker says of the others where they stand.
    const first = agreements[0]?.directive ?? (this.#boards.has(dataset) ? directives[0] : undefined);
    this.#version += 1;
    if (first === undefined) {
      this.#boards.delete(dataset);
      return;
    }
    const sealTo = await importSealKey(first.sealTo);
    const validUntilMs = Math.min(Infinity, ...agreements.map(({ directive }) => directive.expiresAtMs ?? Infinity));
    if (sealTo.ok) {
      this.#boards.set(dataset, { version: this.#version, agreements, directives, sealTo: sealTo.value, validUntilMs });
    } else {
      this.#boards.delete(dataset);
      this.#options.report(during(`starting dataset ${dataset}`, sealTo.failure).failure);
    }
  }
}

const hasExpired = ({ expiresAtMs }: Directive): boolean => expiresAtMs !== undefined && expiresAtMs <= Date.now();

/** Keys are an agreement's own, so what needs one is computed for it alone; so are outputs that no other has in the same form. */
function computationOf(directive: Directive, programs: ReadonlyMap<number, BoundProgram>): string {
  const own =
    directive.recordIds === true ||
    [...programs.values()].some(({ program }) => program.needs.length > 0 || program.headers.length > 0);
  if (own) return directive.agreement;
  const ids = new Map(directive.programs.map(({ writerSchemaId, governedSchemaId }) => [writerSchemaId, governedSchemaId]));
  const parts = [...programs].map(([id, { program }]) => [id, ids.get(id) ?? -1, program.hash]);
  return canonicalJson([directive.compression ?? 'none', parts.sort(([a], [b]) => Number(a) - Number(b))]);
}
