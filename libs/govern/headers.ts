/** The header channel: which headers of a raw record leave with its governed record. Everything without a term is dropped. */
import { limits, varintBytes } from '../base/index.ts';
import type { HeaderTerm } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { readHeaders } from '../records/index.ts';
import type { ProgramOutput, Refusal } from './program.ts';

/** Headers in the order of the raw record. Values are views of its bytes or of the governed key, valid as long as those; null as Kafka has it. */
export type LeavingHeaders = readonly (readonly [name: string, value: Uint8Array | null])[];

/** `field` is the row of `explain` that refused, null where it is the record as a whole. */
export type HeaderVerdict =
  | { readonly leaving: LeavingHeaders; readonly refusal?: undefined }
  | { readonly refusal: Extract<Refusal, 'header-unfit' | 'output-too-large'>; readonly field: string | null };

/** What a header is called where fields are, in `explain` and in quarantine. */
export const headerRow = (name: string): string => `(header ${name})`;

export const noHeaders: LeavingHeaders = [];

/** The headers that leave with a record that was governed into `out`. */
export function governHeaders(
  terms: readonly HeaderTerm[],
  frames: RecordFrames,
  index: number,
  out: ProgramOutput,
): HeaderVerdict {
  const headers = readHeaders(frames, index);
  if (headers === null) return { refusal: 'header-unfit', field: '(headers)' };
  const rawKey = slice(frames.bytes, frames.keyStart, frames.keyEnd, index);
  const governedKey = slice(out.bytes, out.keyStart, out.keyEnd, index);
  const leaving: (readonly [string, Uint8Array | null])[] = [];
  const repeated = new Set<string>();
  for (const [name, value] of headers) {
    const term = terms.find((candidate) => candidate.name === name);
    if (term === undefined) continue;
    if ('keep' in term) {
      leaving.push([name, value]);
      continue;
    }
    // Null repeats nothing, not even a null key.
    if (value === null || rawKey === null || governedKey === null || Buffer.compare(value, rawKey) !== 0)
      return { refusal: 'header-unfit', field: headerRow(name) };
    repeated.add(name);
    leaving.push([name, governedKey]);
  }
  const absent = terms.find((term) => 'repeats' in term && !repeated.has(term.name));
  if (absent !== undefined) return { refusal: 'header-unfit', field: headerRow(absent.name) };
  const valueBytes = (out.valueEnd[index] as number) - (out.valueStart[index] as number);
  // The governed record must fit its topic with its headers; a Program looks at key and value alone.
  if ((governedKey?.length ?? 0) + valueBytes + headerBytes(leaving) > limits.recordBytesMax)
    return { refusal: 'output-too-large', field: null };
  return { leaving };
}

/** Bytes of headers in a record, with their lengths. */
export function headerBytes(headers: LeavingHeaders): number {
  let sum = 0;
  for (const [name, value] of headers) {
    const [nameBytes, valueBytes] = [Buffer.byteLength(name), value?.length ?? 0];
    sum += varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + valueBytes;
  }
  return sum;
}

function slice(bytes: Uint8Array, starts: Int32Array, ends: Int32Array, index: number): Uint8Array | null {
  const start = starts[index] as number;
  return start < 0 ? null : bytes.subarray(start, ends[index]);
}
