/** Cuts CSV text into records, RFC 4180, strictly: a bad record is one bad record, and the next line is read as if nothing had been. */

/** A record with the line at which it ends, or why it is none. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** Where the reader is: at the start of a field, within a plain or a quoted one, after a closing quote, or passing over a bad record. */
type State = 'start' | 'plain' | 'quoted' | 'closed' | 'bad';

const special = /[",\r\n]/g;

/**
 * Feeds on text in any pieces. A quote within a plain field and text after a closing quote are refused. A quote that never closes swallows
 * what follows, at most up to `charactersMax`; then the record is bad and the rest of its line is passed over.
 */
export class CsvReader {
  readonly #charactersMax: number;
  #state: State = 'start';
  #fields: string[] = [];
  #field = '';
  #length = 0;
  #line = 1;
  #problem = '';
  /** A carriage return is part of a line end only before a line feed, which may be in the next piece. */
  #heldReturn = false;

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  *feed(piece: string): Generator<CsvRecord> {
    const text = this.#heldReturn ? `\r${piece}` : piece;
    this.#heldReturn = false;
    let at = 0;
    while (at < text.length) {
      const end = this.#plainEnd(text, at);
      this.#add(text, at, end);
      at = end;
      const char = text[at];
      if (char === undefined) break;
      if (char === '\r') {
        if (at + 1 === text.length) {
          this.#heldReturn = true;
          break;
        }
        if (text[at + 1] === '\n' && this.#state !== 'quoted') {
          at += 1;
          continue;
        }
      }
      at += 1;
      if (char === '\n') this.#line += 1;
      if (char === '\n' && this.#state !== 'quoted') {
        const record = this.#finish(this.#line - 1);
        if (record !== null) yield record;
      } else {
        this.#take(char);
      }
    }
  }

  /** The last record, when the text does not end with a line end. */
  *end(): Generator<CsvRecord> {
    if (this.#heldReturn) this.#take('\r');
    if (this.#state === 'quoted') this.#fail('a quote is not closed');
    const record = this.#finish(this.#line);
    if (record !== null) yield record;
  }

  #plainEnd(text: string, at: number): number {
    special.lastIndex = at;
    return special.exec(text)?.index ?? text.length;
  }

  /** Ordinary text. */
  #add(text: string, from: number, to: number): void {
    if (from === to || this.#state === 'bad') return;
    this.#length += to - from;
    if (this.#length > this.#charactersMax) this.#fail(`a row is over ${this.#charactersMax} characters`);
    else if (this.#state === 'closed') this.#fail('text follows a closing quote');
    else {
      this.#field += text.slice(from, to);
      if (this.#state === 'start') this.#state = 'plain';
    }
  }

  /** A quote, a comma, or a line end that ends no record. */
  #take(char: string): void {
    if (this.#state === 'bad') return;
    if (char === '"') this.#takeQuote();
    else if (char === ',' && this.#state !== 'quoted') this.#endField();
    else this.#add(char, 0, 1);
  }

  #takeQuote(): void {
    if (this.#state === 'start') this.#state = 'quoted';
    else if (this.#state === 'quoted') this.#state = 'closed';
    else if (this.#state === 'closed') {
      this.#field += '"';
      this.#state = 'quoted';
    } else this.#fail('a quote is within a plain field');
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#length += 1;
    this.#state = 'start';
  }

  #fail(problem: string): void {
    this.#state = 'bad';
    this.#problem = problem;
    this.#fields = [];
    this.#field = '';
  }

  /** Null for an empty line. */
  #finish(line: number): CsvRecord | null {
    const state = this.#state;
    if (state !== 'bad') this.#endField();
    const fields = this.#fields;
    this.#state = 'start';
    this.#fields = [];
    this.#field = '';
    this.#length = 0;
    if (state === 'bad') return { line, problem: this.#problem };
    return state === 'start' && fields.length === 1 ? null : { line, fields };
  }
}
