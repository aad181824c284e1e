/** What may run now: the newest directives, and for each started agreement its Programs bound to its keys. Fails closed. */
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { ageMs, canonicalJson, during, fail, longAgo, momentNow, ok } from '../../libs/base/index.ts';
import type { ApprovedProgram, Directive, KeyOpener, WrappedKey, SignatureChecker } from '../../libs/catalog/index.ts';
import { dataKeyContext, suppressionKey } from '../../libs/catalog/index.ts';
import type { BoundProgram, Lane, RunnableProgram } from '../../libs/govern/index.ts';
import { instantiate } from '../../libs/govern/index.ts';
import type { SealKey } from '../../libs/ledger/index.ts';
import { importSealKey } from '../../libs/ledger/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { workerLimits } from './config.ts';
import { KeyRing, mayOpenLater } from './key-ring.ts';
import { recordIdKey } from './lane-group.ts';
import type { DatasetSuppressions } from './suppression-board.ts';
import { SuppressionBoard, unknownSuppressions } from './suppression-board.ts';

/** A started agreement with everything that its records need. */
export interface LiveAgreement extends Lane {
  readonly directive: Directive;
  /** The same text for agreements that one computation serves: equal modules, equal needs resolved to equal keys, equal form of output. */
  readonly computation: string;
  /** The same text for agreements whose Programs go over records alike, under whatever keys; absent where that cannot be said. */
  readonly walk?: string;
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
  /** Absent while no subject of the dataset was erased. */
  readonly suppressions?: DatasetSuppressions;
  /** From this moment on one of the live ones is not live any more, milliseconds since the epoch. */
  readonly validUntilMs: number;
}

export interface DirectiveBoardOptions {
  readonly cluster: Cluster;
  readonly vault: KeyOpener;
  readonly checker: SignatureChecker;
  readonly report: (failure: Failure) => void;
  /** How old the last look at the erased subjects may be, milliseconds; that of directives unless given. */
  readonly suppressionAgeMsMax?: number;
}

const pollWaitMs = 400;
/**
 * How long keys are waited for, at the start and with changed directives, milliseconds. What takes longer is taken when it is there: a revocation that was read
 * with it waits no longer than this.
 */
const keysWaitMsAtStart = 10_000;
const keysWaitMs = 50;

export class DirectiveBoard {
  readonly #options: DirectiveBoardOptions;
  readonly #feed: DirectiveFeed;
  readonly #directives = new Map<string, Directive>();
  readonly #live = new Map<string, LiveAgreement>();
  /** Checked Programs by hash: agreements that have the same one share it. */
  readonly #programs = new Map<string, RunnableProgram>();
  readonly #boards = new Map<string, DatasetBoard>();
  readonly #keys: KeyRing;
  readonly #suppressions: SuppressionBoard;
  /** Started agreements whose data keys the key service has not opened yet. */
  readonly #keyless = new Set<string>();
  /** Started agreements whose period has not begun by this clock. */
  readonly #early = new Set<string>();
  /** Datasets whose own keys it has not opened yet, with these. */
  readonly #unlisted = new Map<string, BoundKey>();
  /** How often one was not among them. */
  programMisses = 0;
  /** When the last look at the topic that was answered was begun: a process may have been frozen before it read the answer. */
  #asked = longAgo;
  #polls = 0;
  #version = 0;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  /** Told of the datasets whose boards have changed. */
  onChange: (datasets: ReadonlySet<string>) => void = () => undefined;

  private constructor(options: DirectiveBoardOptions, feed: DirectiveFeed) {
    this.#options = options;
    this.#feed = feed;
    this.#keys = new KeyRing(options.vault);
    const { cluster, report, suppressionAgeMsMax = workerLimits.directiveAgeMsMax } = options;
    this.#suppressions = new SuppressionBoard(cluster, report, suppressionAgeMsMax);
  }

  /** Reads every directive up to the end seen now before it answers. */
  static async open(options: DirectiveBoardOptions): Promise<Result<DirectiveBoard>> {
    const asked = momentNow();
    const feed = await DirectiveFeed.open(options.cluster, options.checker, options.report);
    if (!feed.ok) return during('opening the directives', feed.failure);
    const board = new DirectiveBoard(options, feed.value);
    await board.#apply([...feed.value.current().values()], keysWaitMsAtStart);
    board.#asked = asked;
    return ok(board);
  }

  start(): void {
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#suppressions.stop();
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

  /** Started agreements that are not governed because their data keys are not opened yet. */
  get keylessCount(): number {
    return this.#keyless.size;
  }

  /** Milliseconds since the directives were last known to be current. */
  ageMs(): number {
    return ageMs(this.#asked);
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
      const asked = momentNow();
      const changed = await this.#feed.poll(pollWaitMs);
      if (!changed.ok) {
        this.#options.report(changed.failure);
        await sleep(500);
        continue;
      }
      await this.#apply(changed.value, keysWaitMs);
      await this.#retry();
      await this.#begin();
      await this.#expire();
      this.#asked = asked;
      this.#polls += 1;
    }
  }

  /** Agreements whose keys do not open within `waitMs` are not live until they do. */
  async #apply(changed: readonly Directive[], waitMs: number): Promise<void> {
    const datasets = new Set<string>();
    for (const directive of changed) for (const [key, context] of keysOf(directive)) this.#keys.begin(key, context);
    const deadlineMs = performance.now() + waitMs;
    for (const directive of changed) {
      const { agreement, dataset } = directive;
      datasets.add(this.#directives.get(agreement)?.dataset ?? dataset).add(dataset);
      this.#directives.set(agreement, directive);
      const mayRun = directive.state === 'started' && !hasExpired(directive);
      const isEarly = mayRun && !hasBegun(directive);
      if (isEarly) this.#early.add(agreement);
      else this.#early.delete(agreement);
      const live = mayRun && !isEarly ? await this.#bring(directive, deadlineMs) : undefined;
      // A directive that cannot be brought to life ends the earlier one as well: running on would be running what was replaced.
      if (live === undefined) this.#live.delete(agreement);
      else this.#live.set(agreement, live);
    }
    for (const dataset of datasets) await this.#rebuild(dataset, deadlineMs);
    if (changed.length === 0) return;
    this.#keys.keepOnly([...this.#directives.values()].flatMap(keysOf));
    this.onChange(datasets);
  }

  /** What waits for its keys, and lists of erased subjects that have grown. */
  async #retry(): Promise<void> {
    const waiting = [...this.#keyless].flatMap((agreement) => this.#directives.get(agreement) ?? []);
    const opened = waiting.filter((directive) => agreementKeys(directive).every((key) => this.#keys.isOpen(...key)));
    if (opened.length > 0) await this.#apply(opened, 0);
    const listed = [...this.#unlisted].flatMap(([dataset, key]) => (this.#keys.isOpen(...key) ? [dataset] : []));
    const changed = new Set([...listed, ...this.#suppressions.takeChanged()].filter((dataset) => this.#boards.has(dataset)));
    for (const dataset of changed) await this.#rebuild(dataset, 0);
    if (changed.size > 0) this.onChange(changed);
  }

  /** What was told to run before its time, by this clock, runs when that has come. */
  async #begin(): Promise<void> {
    const due = [...this.#early].flatMap((agreement) => this.#directives.get(agreement) ?? []).filter(hasBegun);
    if (due.length > 0) await this.#apply(due, keysWaitMs);
  }

  /** Takes agreements from the board whose time is over, whether or not a directive says so. */
  async #expire(): Promise<void> {
    const changed = new Set<string>();
    for (const [dataset, { validUntilMs, agreements }] of this.#boards) {
      if (Date.now() < validUntilMs) continue;
      changed.add(dataset);
      for (const { agreement, directive } of agreements) if (hasExpired(directive)) this.#live.delete(agreement);
    }
    for (const dataset of changed) await this.#rebuild(dataset, 0);
    if (changed.size > 0) this.onChange(changed);
  }

  async #bring(directive: Directive, deadlineMs: number): Promise<LiveAgreement | undefined> {
    const { agreement, dataset } = directive;
    const action = `starting agreement ${agreement}`;
    this.#keyless.delete(agreement);
    const [wrapped] = agreementKeys(directive);
    if (wrapped === undefined) return this.#refuse(fail('key-destroyed', `${action}: its data key was shredded`).failure);
    const dataKey = await this.#keys.opened(...wrapped, deadlineMs);
    if (!dataKey.ok) {
      if (mayOpenLater(dataKey.failure.code)) this.#keyless.add(agreement);
      return this.#refuse(during(action, dataKey.failure).failure);
    }
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
      ...walkOf(programs),
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

  async #rebuild(dataset: string, deadlineMs: number): Promise<void> {
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
    const suppressions = await this.#suppressionsOf(dataset, directives, deadlineMs);
    const validUntilMs = Math.min(Infinity, ...agreements.map(({ directive }) => directive.expiresAtMs ?? Infinity));
    if (sealTo.ok) {
      this.#boards.set(dataset, {
        version: this.#version,
        agreements,
        directives,
        sealTo: sealTo.value,
        validUntilMs,
        ...(suppressions === undefined ? {} : { suppressions }),
      });
    } else {
      this.#boards.delete(dataset);
      this.#options.report(during(`starting dataset ${dataset}`, sealTo.failure).failure);
    }
  }

  /** The newest word about erased subjects holds for the whole dataset, whichever agreement's directive brought it. */
  async #suppressionsOf(
    dataset: string,
    directives: readonly Directive[],
    deadlineMs: number,
  ): Promise<DatasetSuppressions | undefined> {
    this.#unlisted.delete(dataset);
    const newest = directives.reduce<Directive['suppression']>(
      (most, { suppression }) => ((suppression?.count ?? 0) > (most?.count ?? 0) ? suppression : most),
      undefined,
    );
    if (newest === undefined) return undefined;
    const key = datasetKey(dataset, newest.key);
    const dataKey = await this.#keys.opened(...key, deadlineMs);
    if (dataKey.ok) return this.#suppressions.of(suppressionKey(dataKey.value, dataset), directives);
    if (mayOpenLater(dataKey.failure.code)) this.#unlisted.set(dataset, key);
    this.#refuse(during(`reading the erased subjects of ${dataset}`, dataKey.failure).failure);
    return unknownSuppressions;
  }
}

/** A wrapped key and what it is wrapped for. */
type BoundKey = readonly [WrappedKey, string];

/** The key that an agreement is governed under; none where it is not to be governed, or was shredded. */
function agreementKeys(directive: Directive): BoundKey[] {
  const { agreement, dataKey, state } = directive;
  if (dataKey === null || state !== 'started' || !hasBegun(directive) || hasExpired(directive)) return [];
  return [[dataKey, dataKeyContext({ kind: 'agreement', id: agreement }, dataKey.epoch)]];
}

const datasetKey = (dataset: string, key: WrappedKey): BoundKey => [
  key,
  dataKeyContext({ kind: 'dataset', id: dataset }, key.epoch),
];

const keysOf = (directive: Directive): BoundKey[] => [
  ...agreementKeys(directive),
  ...(directive.suppression === undefined ? [] : [datasetKey(directive.dataset, directive.suppression.key)]),
];

/** Before its period an agreement has no place on any partition. */
export const hasBegun = ({ startsAtMs }: Directive): boolean => startsAtMs === undefined || startsAtMs <= Date.now();

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

/** One run over records can serve agreements of one walk: only what their keys make differs. */
function walkOf(programs: ReadonlyMap<number, BoundProgram>): { readonly walk?: string } {
  const parts = [...programs].map(([id, { walk }]) => [id, walk ?? null] as const);
  if (parts.length === 0 || parts.some(([, walk]) => walk === null)) return {};
  return { walk: canonicalJson(parts.sort(([a], [b]) => a - b)) };
}
