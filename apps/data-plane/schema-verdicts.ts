/** Decides about schema ids that no Program serves: refused for certain, or not yet decidable. */
import type { ErrorCode, Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import type { SchemaLookup } from '../../libs/catalog/index.ts';
import type { DirectiveBoard } from './directive-board.ts';

const rememberMs = 10_000;
/** More than the ids that one call is asked about: as many as the arena takes records. */
const rememberedMax = 40_000;
/** Questions to the registry at the same time: bytes that are no record of the feed may name as many ids as there are records. */
const atOnce = 16;
/** A transaction does not wait longer for the registry: other partitions are in it, and the brokers' patience is not endless. */
const verdictMs = 1_000;

type Verdicts = Result<ReadonlyMap<number, ErrorCode>>;

interface Asking {
  readonly verdicts: Promise<Verdicts>;
  answeredAt: number | undefined;
}

/**
 * "Not found" at the registry refuses a record. An id that the registry knows had its Program published before its registration succeeded,
 * so once the directives are caught up and still have none, it is not approved. An unreachable registry decides nothing: the failure is retriable.
 */
export class SchemaVerdicts {
  readonly #registry: SchemaLookup;
  readonly #board: Pick<DirectiveBoard, 'board' | 'caughtUp'>;
  /** In the order in which they were learned. */
  readonly #remembered = new Map<string, { code: ErrorCode; until: number }>();
  /** By dataset, the last. */
  readonly #asking = new Map<string, Asking>();

  constructor(registry: SchemaLookup, board: Pick<DirectiveBoard, 'board' | 'caughtUp'>) {
    this.#registry = registry;
    this.#board = board;
  }

  /** The ids among these that need a verdict: most batches have none. */
  unserved(ids: ReadonlySet<number>, dataset: string): number[] {
    return [...ids].filter((id) => !this.#served(dataset, id));
  }

  /** As `of`, but answers after `verdictMs` that nothing is known yet: what is being asked is remembered for the next time. */
  async soon(ids: readonly number[], dataset: string): Promise<Verdicts> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ReturnType<typeof fail>>((resolve) => {
      timer = setTimeout(() => resolve(fail('registry-unreachable', 'the registry has not answered yet')), verdictMs);
    });
    const verdicts = await Promise.race([this.#inTurn(ids, dataset), late]);
    clearTimeout(timer);
    return verdicts;
  }

  /** The answer to what was asked for the dataset before, where nobody waited for it to the end: nearly always it is about the same ids. */
  async #inTurn(ids: readonly number[], dataset: string): Promise<Verdicts> {
    const before = await this.#asking.get(dataset)?.verdicts;
    const answeredAt = this.#asking.get(dataset)?.answeredAt ?? Date.now();
    const known = ids.flatMap((id) => {
      const code = before?.ok === true ? before.value.get(id) : undefined;
      return code === undefined ? [] : [[id, code] as const];
    });
    if (known.length === ids.length && Date.now() - answeredAt < rememberMs) return ok(new Map(known));
    const asking: Asking = { verdicts: this.of(ids, dataset), answeredAt: undefined };
    this.#asking.set(dataset, asking);
    const verdicts = await asking.verdicts;
    asking.answeredAt = Date.now();
    return verdicts;
  }

  /** The first failure of the registry is the answer for all of them. */
  async of(ids: readonly number[], dataset: string): Promise<Verdicts> {
    const verdicts = new Map<number, ErrorCode>();
    const registered: number[] = [];
    const asked = ids.filter((id) => !this.#served(dataset, id));
    for (let from = 0; from < asked.length; from += atOnce) {
      const some = asked.slice(from, from + atOnce);
      const answers = await Promise.all(some.map((id) => this.#ask(dataset, id)));
      for (const [place, answer] of answers.entries()) {
        const id = some[place] as number;
        if (!answer.ok) return answer;
        if (answer.value === 'registered') registered.push(id);
        else verdicts.set(id, answer.value);
      }
    }
    if (registered.length === 0) return ok(verdicts);
    if (!(await this.#board.caughtUp())) return fail('registry-unreachable', 'the directives cannot be read');
    for (const id of registered)
      if (!this.#served(dataset, id)) verdicts.set(id, this.#remember(dataset, id, 'schema-not-approved'));
    return ok(verdicts);
  }

  #served(dataset: string, id: number): boolean {
    return this.#board.board(dataset)?.agreements.some(({ programs }) => programs.has(id)) ?? false;
  }

  async #ask(dataset: string, id: number): Promise<Result<ErrorCode | 'registered'>> {
    const remembered = this.#remembered.get(`${dataset}/${id}`);
    if (remembered !== undefined && remembered.until > Date.now()) return ok(remembered.code);
    const found = await this.#registry.schemaById(id);
    if (found.ok) return ok('registered');
    if (found.failure.code === 'schema-unknown') return ok(this.#remember(dataset, id, 'schema-unknown'));
    return { ok: false, failure: { ...found.failure, retriable: true } };
  }

  #remember(dataset: string, id: number, code: ErrorCode): ErrorCode {
    const name = `${dataset}/${id}`;
    this.#remembered.delete(name);
    this.#remembered.set(name, { code, until: Date.now() + rememberMs });
    if (this.#remembered.size > rememberedMax) this.#remembered.delete(this.#remembered.keys().next().value as string);
    return code;
  }
}
