/** The terminal while Sluice runs: sentences scroll above a table that is redrawn in place; without a terminal, plain lines. */
import { renderSentences, renderTable } from './render.ts';
import type { Snapshot } from './snapshot.ts';

/** The part of a stream that the screen uses. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Between the plain lines without a terminal, milliseconds. */
const plainIntervalMs = 5_000;
/** Between signs of life of a long step without a terminal, milliseconds. */
const plainSignMs = 10_000;

export class Screen {
  readonly #output: Output;
  /** Lines of the table that stand on the terminal now. */
  #drawn = 0;
  #lastTable: readonly string[] = [];
  readonly #pending = new Map<string, number>();
  #lastPlain = 0;
  #lastSentences = '';

  constructor(output: Output) {
    this.#output = output;
  }

  get isLive(): boolean {
    return this.#output.isTTY === true;
  }

  /** A sentence for the reader; above the table where there is one. */
  say(sentence: string): void {
    if (!this.isLive) this.#output.write(`${sentence}\n`);
    else this.#output.write(`${this.#erase()}${sentence}\n${this.#table()}`);
  }

  /** Shows the numbers. Without a terminal at most every five seconds, and only what changed. */
  show(snapshot: Snapshot, now: number = Date.now()): void {
    if (this.isLive) {
      const rowsMax = (this.#output.rows ?? 40) - 1;
      const before = this.#erase();
      this.#lastTable = renderTable(snapshot, (this.#output.columns ?? 100) - 1).slice(0, rowsMax);
      this.#output.write(before + this.#table());
      return;
    }
    if (now - this.#lastPlain < plainIntervalMs) return;
    const sentences = renderSentences(snapshot).join('\n');
    if (sentences === this.#lastSentences || sentences === '') return;
    this.#lastPlain = now;
    this.#lastSentences = sentences;
    this.#output.write(`${sentences}\n`);
  }

  /** Says that something is under way, until the returned function is called. */
  pending(title: string): () => void {
    const began = Date.now();
    this.#pending.set(title, began);
    if (!this.isLive) {
      const timer = setInterval(() => this.say(`${title} ... ${Math.round((Date.now() - began) / 1000)} s`), plainSignMs);
      return () => clearInterval(timer);
    }
    const redraw = (): void => {
      const before = this.#erase();
      this.#lastTable = [...this.#pending].map(([name, since]) => `${name} ... ${Math.round((Date.now() - since) / 1000)} s`);
      this.#output.write(before + this.#table());
    };
    redraw();
    const timer = setInterval(redraw, 1_000);
    return () => {
      clearInterval(timer);
      this.#pending.delete(title);
      redraw();
    };
  }

  /** Leaves the last table standing; what is said later comes below it. */
  release(): void {
    this.#drawn = 0;
    this.#lastTable = [];
  }

  #erase(): string {
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A\r\u001B[J` : '';
    this.#drawn = 0;
    return up;
  }

  #table(): string {
    if (this.#lastTable.length === 0) return '';
    this.#drawn = this.#lastTable.length + 1;
    return `\n${this.#lastTable.join('\n')}\n`;
  }
}
