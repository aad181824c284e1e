/** Decides about schema ids that no Program serves: refused for certain, or not yet decidable. */
import type { ErrorCode, Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import type { SchemaLookup } from '../../libs/catalog/index.ts';
import type { DirectiveBoard } from './directive-board.ts';

const rememberMs = 10_000;
const rememberedMax = 10_000;

/**
 * "Not found" at the registry refuses a record. An id that the registry knows had its Program published before its registration succeeded,
 * so once the directives are caught up and still have none, it is not approved. An unreachable registry decides nothing: the failure is retriable.
 */
export class SchemaVerdicts {
  readonly #registry: SchemaLookup;
  readonly #board: DirectiveBoard;
  readonly #remembered = new Map<string, { code: ErrorCode; until: number }>();

  constructor(registry: SchemaLookup, board: DirectiveBoard) {
    this.#registry = registry;
    this.#board = board;
  }

  /** The ids among these that need a verdict: most batches have none. */
  unserved(ids: ReadonlySet<number>, dataset: string): number[] {
    return [...ids].filter((id) => !this.#served(dataset, id));
  }

  async of(ids: readonly number[], dataset: string): Promise<Result<ReadonlyMap<number, ErrorCode>>> {
    const verdicts = new Map<number, ErrorCode>();
    for (const id of ids) {
      if (this.#served(dataset, id)) continue;
      const verdict = await this.#verdict(dataset, id);
      if (!verdict.ok) return verdict;
      if (verdict.value !== undefined) verdicts.set(id, verdict.value);
    }
    return ok(verdicts);
  }

  #served(dataset: string, id: number): boolean {
    return this.#board.board(dataset)?.agreements.some(({ programs }) => programs.has(id)) ?? false;
  }

  async #verdict(dataset: string, id: number): Promise<Result<ErrorCode | undefined>> {
    const key = `${dataset}/${id}`;
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && remembered.until > Date.now()) return ok(remembered.code);
    const found = await this.#registry.schemaById(id);
    let code: ErrorCode;
    if (found.ok) {
      if (!(await this.#board.caughtUp())) return fail('registry-unreachable', 'the directives cannot be read');
      if (this.#served(dataset, id)) return ok(undefined);
      code = 'schema-not-approved';
    } else if (found.failure.code === 'schema-unknown') code = 'schema-unknown';
    else if (found.failure.retriable) return found;
    else return { ok: false, failure: { ...found.failure, retriable: true } };
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(key, { code, until: Date.now() + rememberMs });
    return ok(code);
  }
}
