/** How many records each subscriber has taken, kept over restarts: what a receiver tells counts from its own start. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

export class DeliveredCounts {
  readonly #file: string;
  readonly #before: ReadonlyMap<string, number>;
  readonly #since = new Map<string, number>();
  #written = '';

  constructor(file: string) {
    this.#file = file;
    this.#before = new Map(Object.entries(readCounts(file)));
  }

  /** `sinceStart` replaces what was told before. */
  tell(agreement: string, sinceStart: number): void {
    this.#since.set(agreement, sinceStart);
  }

  /** Undefined for an agreement of which no receiver has told anything. */
  of(agreement: string): number | undefined {
    const before = this.#before.get(agreement);
    const since = this.#since.get(agreement);
    return before === undefined && since === undefined ? undefined : (before ?? 0) + (since ?? 0);
  }

  save(): void {
    const names = new Set([...this.#before.keys(), ...this.#since.keys()]);
    const text = `${JSON.stringify(Object.fromEntries([...names].map((name) => [name, this.of(name)])))}\n`;
    if (text === this.#written) return;
    const draft = `${this.#file}.part`;
    writeFileSync(draft, text);
    renameSync(draft, this.#file);
    this.#written = text;
  }
}

function readCounts(file: string): Record<string, number> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  } catch {
    return {};
  }
}
