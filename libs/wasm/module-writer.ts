/** Assembles functions into a WebAssembly module that imports its memory, or two, and nothing else. Source: WebAssembly Core Specification 3.0, "Modules". */
import type { ValueType } from './code.ts';
import { Code, unsignedLeb, valueTypes } from './code.ts';

/** `\0asm`, version 1. */
const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

interface FunctionEntry {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly code: Code;
}

export interface FunctionRef {
  readonly index: number;
  readonly code: Code;
}

export class ModuleWriter {
  readonly #functions: FunctionEntry[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  readonly #data: { offset: number; bytes: Uint8Array }[] = [];
  #globals = 0;

  function(parameters: readonly ValueType[], results: readonly ValueType[], exportName?: string): FunctionRef {
    const code = new Code(parameters.length);
    const index = this.#functions.push({ parameters, results, code }) - 1;
    if (exportName !== undefined) this.#exports.push({ name: exportName, index });
    return { index, code };
  }

  /** A mutable i32 global, 0 at the start. */
  global(): number {
    this.#globals += 1;
    return this.#globals - 1;
  }

  /** Bytes that are in memory at `offset` once the module is instantiated. */
  data(offset: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#data.push({ offset, bytes });
  }

  /**
   * `pagesMin` is the least size of the imported memory, in 64 KiB pages. A second one has the index 1: `shared`, which threads share, or `table`, which
   * they do not.
   */
  finish(pagesMin: number, second?: { readonly name: 'shared' | 'table'; readonly pages: number }): Uint8Array {
    const types = this.#functions.map(({ parameters, results }) => [
      0x60,
      ...vectorOf(parameters.map(one)),
      ...vectorOf(results.map(one)),
    ]);
    const imports = [[...text('env'), ...text('memory'), 0x02, 0x00, ...unsignedLeb(pagesMin)]];
    if (second !== undefined) {
      const pages = unsignedLeb(second.pages);
      imports.push([...text('env'), ...text(second.name), 0x02, second.name === 'shared' ? 0x03 : 0x01, ...pages, ...pages]);
    }
    const globals = Array.from({ length: this.#globals }, () => [valueTypes.i32, 0x01, 0x41, 0x00, 0x0b]);
    const exports = this.#exports.map(({ name, index }) => [...text(name), 0x00, ...unsignedLeb(index)]);
    const bodies = this.#functions.map(({ code }) => {
      const body = code.finish();
      return [...unsignedLeb(body.length), ...body];
    });
    const data = this.#data.map(({ offset, bytes }) => [
      0x00,
      0x41,
      ...signed(offset),
      0x0b,
      ...unsignedLeb(bytes.length),
      ...bytes,
    ]);
    return new Uint8Array([
      ...magicAndVersion,
      ...section(1, types),
      ...section(2, imports),
      ...section(
        3,
        types.map((_, index) => unsignedLeb(index)),
      ),
      ...(globals.length === 0 ? [] : section(6, globals)),
      ...section(7, exports),
      ...section(10, bodies),
      ...(data.length === 0 ? [] : section(11, data)),
    ]);
  }
}

const one = (type: ValueType): number[] => [valueTypes[type]];
const vectorOf = (items: readonly (readonly number[])[]): number[] => [...unsignedLeb(items.length), ...items.flat()];
const text = (value: string): number[] => {
  const bytes = Buffer.from(value);
  return [...unsignedLeb(bytes.length), ...bytes];
};

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = vectorOf(items);
  return [id, ...unsignedLeb(body.length), ...body];
}

/** A non-negative i32 constant in signed LEB128. */
function signed(value: number): number[] {
  const bytes = unsignedLeb(value);
  const last = bytes.at(-1) ?? 0;
  return (last & 0x40) === 0 ? bytes : [...bytes.slice(0, -1), last | 0x80, 0x00];
}
