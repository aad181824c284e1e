/** Finds the records of erased subjects in a batch, before any Program looks at it. */
import { frameHeaderBytes } from '../../libs/avro/index.ts';
import type { Screening } from '../../libs/govern/index.ts';
import { suppressed } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import type { DatasetSuppressions } from './suppression-board.ts';

/**
 * The screening with these records set aside: those whose key field names an erased subject, whatever their key, and those whose key does, whatever they
 * hold. A record without a value stays as it is: all that leaves of it is a delete.
 */
export function suppressRecords(frames: RecordFrames, screening: Screening, suppressions: DatasetSuppressions): Screening {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = frames;
  const unreadable = new Map(screening.unreadable);
  for (let index = 0; index < frames.count; index += 1) {
    const start = valueStart[index] as number;
    if (start < 0) continue;
    const key = (keyStart[index] as number) < 0 ? null : bytes.subarray(keyStart[index], keyEnd[index]);
    const isErased = (key !== null && suppressions.has(key)) || holdsErased(index, key, start);
    if (isErased) unreadable.set(index, suppressed);
  }
  return { ...screening, unreadable };

  function holdsErased(index: number, key: Uint8Array | null, start: number): boolean {
    if (screening.unreadable.has(index)) return false;
    const read = suppressions.reader(screening.schemaIds[index] as number);
    const text = read?.(bytes, start + frameHeaderBytes, valueEnd[index] as number);
    if (text === undefined || text === null) return false;
    const subject = Buffer.from(text, 'utf8');
    // The usual record's key repeats the field, and was asked about already.
    return (key === null || !subject.equals(key)) && suppressions.has(subject);
  }
}
