/** Keeps schema texts by id, joins requests for the same id, and keeps "not found" for a moment. */
import type { Result } from '../../base/index.ts';

const entriesMax = 10_000;
/** How long an unknown id is answered without asking again, milliseconds. */
const unknownMs = 2_000;

export class IdCache {
  readonly #known = new Map<number, Result<string>>();
  readonly #unknown = new Map<number, { readonly result: Result<string>; readonly untilMs: number }>();
  readonly #asked = new Map<number, Promise<Result<string>>>();

  async get(id: number, ask: () => Promise<Result<string>>): Promise<Result<string>> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const unknown = this.#unknown.get(id);
    if (unknown !== undefined && unknown.untilMs > performance.now()) return unknown.result;
    const asked = this.#asked.get(id) ?? this.#ask(id, ask);
    return asked;
  }

  #ask(id: number, ask: () => Promise<Result<string>>): Promise<Result<string>> {
    const answer = ask()
      .then((result) => {
        if (result.ok) keep(this.#known, id, result);
        else if (!result.failure.retriable) keep(this.#unknown, id, { result, untilMs: performance.now() + unknownMs });
        return result;
      })
      .finally(() => this.#asked.delete(id));
    this.#asked.set(id, answer);
    return answer;
  }
}

/** Adds an entry and drops the oldest over the limit. */
function keep<V>(map: Map<number, V>, id: number, value: V): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= entriesMax) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
