/** What must hold for a governed record whichever engine made it, told plainly from the policy and not by the code under test. */
import { codecOf } from '../../libs/avro/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import type { StageRule } from '../../libs/odrl/index.ts';
import type { Case } from './case-arbitrary.ts';
import { governedSchemaId } from './engines.ts';
import type { Settled } from './run-case.ts';
import { canary } from './value-arbitrary.ts';

const headerBytes = 5;
const canaryBytes = Buffer.from(canary);

/** The first promise that a run breaks, in words, or undefined. */
export function brokenPromise(tried: Case, program: Program, settled: readonly Settled[]): string | undefined {
  for (const [index, result] of settled.entries()) {
    const broken = promiseOfRecord(tried, program, index, result);
    if (broken !== undefined) return `record ${index}: ${broken}`;
  }
  return undefined;
}

function promiseOfRecord(tried: Case, program: Program, index: number, result: Settled): string | undefined {
  const { key, value, outcome, reason, field } = result;
  const record = tried.records[index];
  if (record === undefined) return 'there is no such record';
  const left = outcome === 'pass' || outcome === 'reshape';
  if (!left) {
    if (key !== null || value !== null) return `${outcome} left bytes`;
    if ((reason === 'none') !== (outcome === 'withhold')) return `${outcome} for the reason ${reason}`;
    return record.value === null && reason !== 'tombstone-refused' ? `a tombstone: ${outcome}, ${reason}` : undefined;
  }
  if (reason !== 'none' || field !== '') return `${outcome}, and the reason ${reason} at ${field}`;
  if (record.value === null || value === null) return `${outcome} without a value`;
  if (value[0] !== 0 || value.readUInt32BE(1) !== governedSchemaId) return 'not framed with the governed schema id';
  if (record.sound && (value.includes(canaryBytes) || key?.includes(canaryBytes) === true)) return 'a protected text left';
  const before = codecOf(program.writerSchema).decode(record.value.subarray(headerBytes));
  if (!before.ok) return 'an unreadable value passed';
  const after = codecOf(program.governedSchema).decode(value.subarray(headerBytes));
  if (!after.ok) return 'not a value of the governed schema';
  for (const rule of tried.terms.rules) {
    for (const path of rule.at) {
      // Fields of plain records alone are looked up here; records of another schema have theirs under other names.
      if (!/^(\/[A-Za-z_]\w*)+$/.test(path) || tried.writer !== undefined) continue;
      const broken = promiseOfRule(rule, at(before.value, path), at(after.value, path));
      if (broken !== undefined) return `${path}: ${broken}`;
    }
  }
  return promiseOfKey(tried, record.key, key, after.value);
}

/** A value with its place: a field may be there and null, or not be there. */
interface Found {
  readonly there: boolean;
  readonly value: unknown;
}

function promiseOfRule(rule: StageRule, before: Found, after: Found): string | undefined {
  // It is in a record that may be absent, or that is in a union.
  if (!before.there) return undefined;
  if (rule.stage === 'keep') return sameValue(before, after) ? undefined : 'kept, and yet changed';
  if (rule.stage === 'drop') return after.there ? 'dropped, and yet there' : undefined;
  if (rule.stage !== 'null' && rule.stage !== 'constant') return after.there ? undefined : `${rule.stage} lost the field`;
  const expected = rule.stage === 'null' ? null : rule.with['value'];
  return after.there && Object.is(after.value, expected) ? undefined : 'not the value that the policy says';
}

function promiseOfKey(tried: Case, raw: Uint8Array | null, key: Buffer | null, governed: unknown): string | undefined {
  const terms = tried.terms.channels.key;
  if (terms === 'drop') return key === null ? undefined : 'a dropped key left';
  if (terms === 'keep') {
    const same = raw === null || key === null ? raw === key : key.equals(raw);
    return same ? undefined : 'the kept key changed';
  }
  const { value } = at(governed, terms.repeats);
  return key !== null && typeof value === 'string' && key.equals(Buffer.from(value))
    ? undefined
    : 'the key is not the governed text';
}

function at(record: unknown, path: string): Found {
  let value = record;
  for (const name of path.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return { there: false, value: undefined };
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return { there: true, value };
}

/** Equal in content; the library makes the records and branches of each schema a class of their own. */
function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b);
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([name, value], index) => name === right[index]?.[0] && sameValue(value, right[index][1]))
  );
}
