/** What hangs on a data key, over every stage: which fields need it, which it opens, and what stands for one subject. */
import { expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import type { Program } from '../govern/index.ts';
import { hasKeyedRecordKey, keyedFields, subjectGovernor } from '../govern/index.ts';
import { stages } from './index.ts';
import type { Trial } from './stage-fixture.ts';
import { dataKey, govern, programOf } from './stage-fixture.ts';

const compiled = (trial: Trial): Program => unwrap(programOf({ engine: 'wasm', ...trial }));

test.each([
  [{ type: 'string', stage: 'pseudonymize', with: { length: 32 } }, [{ field: '/f', stage: 'pseudonymize', opens: false }]],
  [
    { type: 'string', stage: 'pseudonymize', with: { length: 32, domain: 'person' } },
    [{ field: '/f', stage: 'pseudonymize', opens: false }],
  ],
  [{ type: 'string', stage: 'fpe', with: { kind: 'phone' } }, [{ field: '/f', stage: 'fpe', opens: true }]],
  [{ type: 'string', stage: 'mask', with: { first: 1, last: 0, width: 4 } }, []],
  [{ type: 'string', stage: 'keep' }, []],
] as const)('%j hangs on the key as %j', (trial, keyed) => {
  expect(keyedFields(compiled(trial).manifest, stages)).toEqual(keyed);
});

test('a stage that this release does not have counts as one whose values the key opens', () => {
  const { manifest } = compiled({ type: 'string', stage: 'pseudonymize', with: { length: 32 } });
  expect(keyedFields(manifest.replaceAll('"pseudonymize"', '"of-another-release"'), stages)).toEqual([
    { field: '/f', stage: 'of-another-release', opens: true },
  ]);
});

test('the record key hangs on the data key where the field that it repeats does', () => {
  const keyed = compiled({ type: 'string', stage: 'pseudonymize', with: { length: 32 } }).manifest;
  const kept = compiled({ type: 'string', stage: 'keep' }).manifest;
  const repeats = (manifest: string): string => manifest.replace('"key":"drop"', '"key":{"repeats":"/f"}');
  expect([keyed, repeats(kept), repeats(keyed)].map((manifest) => hasKeyedRecordKey(manifest, stages))).toEqual([
    false,
    false,
    true,
  ]);
});

const approvedOf = ({ manifest, hash, module }: Program) => ({
  manifest,
  programHash: hash,
  module: Buffer.from(module ?? []).toString('base64'),
});

test.each([
  { type: 'string', stage: 'pseudonymize', with: { length: 32 } },
  { type: 'string', stage: 'tokenize', with: {} },
  { type: ['null', 'string'], stage: 'pseudonymize', with: { length: 16 } },
  { type: 'string', stage: 'fpe', with: { kind: 'phone' } },
  { type: 'string', stage: 'keep' },
])('what stands for a subject is what a governed record holds: %j', (trial) => {
  const program = compiled(trial);
  const subject = '13812345678';
  const [record] = govern(program, [Array.isArray(trial.type) ? { string: subject } : subject]);
  const held = typeof record === 'object' && record !== null && 'string' in record ? record.string : record;
  const subjectOf = unwrap(subjectGovernor(approvedOf(program), stages, '/f'));
  expect(subjectOf(subject, { dataKey, dataset: 'd' })).toBe(held);
});

test('nothing stands for a subject where its field tells it apart no more, is not there, or does not take the text', () => {
  const none = (trial: Trial, path = '/f', subject = '13812345678'): string | null =>
    unwrap(subjectGovernor(approvedOf(compiled(trial)), stages, path))(subject, { dataKey, dataset: 'd' });
  expect(none({ type: 'string', stage: 'mask', with: { first: 3, last: 4, width: 4 } })).toBeNull();
  expect(none({ type: 'string', stage: 'hash-bucket', with: { buckets: 16 } })).toBeNull();
  expect(none({ type: 'string', stage: 'keep' }, '/other')).toBeNull();
  expect(none({ type: 'string', stage: 'fpe', with: { kind: 'phone' } }, '/f', 'no phone')).toBeNull();
});
