import { expect, test } from '@jest/globals';

import { parseSchema } from '../../../libs/avro/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import { absentFields, termsForSchema } from './terms-for-schema.ts';

const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'tags', type: { type: 'array', items: 'string' } },
        { name: 'person', type: { type: 'record', name: 'P', fields: [{ name: 'name', type: 'string' }] } },
      ],
    }),
  ),
);

const termsOf = (...rules: readonly (readonly string[])[]): Omit<AgreementTerms, 'usage'> => ({
  agreement: 'a',
  dataset: 'd',
  assigner: 'p',
  assignee: 's',
  constraints: [],
  rules: rules.map((at) => ({ stage: 'keep', at, with: {}, else: 'refuse' })),
  channels: { key: 'drop', timestamp: 'keep' },
});

test('a rule on a field that the schema does not have is left out, and a rule on rows stays', () => {
  const terms = termsForSchema(termsOf([], ['/id', '/site'], ['/person/phone']), schema);
  expect(terms.rules.map(({ at }) => at)).toEqual([[], ['/id']]);
});

test('a name that overlaps another rule or leads into what is not a record stays for the compiler to refuse', () => {
  expect(absentFields(termsOf(['/person'], ['/person/phnoe']), schema)).toEqual([]);
  expect(absentFields(termsOf(['/site'], ['/site']), schema)).toEqual([]);
  expect(absentFields(termsOf(['/tags/x'], ['/id/x']), schema)).toEqual([]);
});
