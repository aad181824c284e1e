/** Opens wrapped data keys and keeps those in use: a key service that is slow or away holds up nobody but the agreements whose keys it has. */
import type { Result } from '../../libs/base/index.ts';
import { fail } from '../../libs/base/index.ts';
import type { KeyOpener, WrappedKey } from '../../libs/catalog/index.ts';

/** Keys that are being opened at once. */
const openingMax = 16;
/** A key that could not be opened because of its service is asked for again after so long, milliseconds. */
const retryMs = 1_000;

interface Held {
  result: Result<Uint8Array> | undefined;
  done: Promise<void>;
  endedAtMs: number;
}

export class KeyRing {
  readonly #opener: KeyOpener;
  /** By context and wrapped bytes. */
  readonly #held = new Map<string, Held>();
  readonly #waiting: (() => void)[] = [];
  #free = openingMax;

  constructor(opener: KeyOpener) {
    this.#opener = opener;
  }

  /** Begins to open a key that is not held, and again one that its service failed to open a while ago. */
  begin(key: WrappedKey, context: string): void {
    const name = nameOf(key, context);
    const held = this.#held.get(name);
    const failed = held?.result !== undefined && !held.result.ok;
    if (held !== undefined && !(failed && performance.now() - held.endedAtMs > retryMs)) return;
    const opening: Held = { result: undefined, done: Promise.resolve(), endedAtMs: 0 };
    opening.done = this.#open(key, context).then((result) => {
      opening.result = result;
      opening.endedAtMs = performance.now();
    });
    this.#held.set(name, opening);
  }

  /** What came of it by then, on the clock of `performance.now()`; `key-service-unreachable` while nothing has. Begins it where nobody did. */
  async opened(key: WrappedKey, context: string, deadlineMs: number): Promise<Result<Uint8Array>> {
    this.begin(key, context);
    const held = this.#held.get(nameOf(key, context)) as Held;
    if (held.result === undefined) await Promise.race([held.done, until(deadlineMs)]);
    return held.result ?? fail('key-service-unreachable', 'the data key is not opened yet');
  }

  /** Whether it is open. Begins it, as `begin` does. */
  isOpen(key: WrappedKey, context: string): boolean {
    this.begin(key, context);
    return this.#held.get(nameOf(key, context))?.result?.ok === true;
  }

  /** Forgets every key but these. */
  keepOnly(keys: Iterable<readonly [WrappedKey, string]>): void {
    const kept = new Set([...keys].map(([key, context]) => nameOf(key, context)));
    for (const name of this.#held.keys()) if (!kept.has(name)) this.#held.delete(name);
  }

  async #open(key: WrappedKey, context: string): Promise<Result<Uint8Array>> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#opener.unwrap(key, context);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

const nameOf = ({ keyId, wrapped }: WrappedKey, context: string): string => `${context}\0${keyId}\0${wrapped}`;

/** Whether the same key may open later although nothing about it changes. */
export const mayOpenLater = (code: string): boolean => code.startsWith('key-service-');

function until(deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, deadlineMs - performance.now())).unref();
  });
}
