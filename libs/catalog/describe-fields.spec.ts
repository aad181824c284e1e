/** The fields that a catalogue lists of a schema. */
import { expect, test } from '@jest/globals';
import { parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { describeFields } from './index.ts';

test('have the paths of policies, readable types, and the most protected of their tags', () => {
  const phone = {
    type: 'record',
    name: 'cn.Phone',
    fields: [{ name: 'number', type: 'string', 'sluice.tags': ['plain', 'direct-identifier'] }],
  };
  const fields = [
    {
      name: 'day',
      type: { type: 'int', logicalType: 'date' },
      doc: 'of the visit',
      'sluice.tags': ['other', 'quasi-identifier'],
    },
    { name: 'contact', type: ['null', phone, 'string'], default: null },
    { name: 'phones', type: { type: 'array', items: 'cn.Phone' } },
    { name: 'attrs', type: { type: 'map', values: ['null', 'double'] } },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A'] } },
    { name: 'next', type: ['null', 'Visit'], default: null },
  ];
  const schema = unwrap(parseSchema(JSON.stringify({ type: 'record', name: 'Visit', fields })));
  expect(describeFields(schema).map(({ path, type, tag, doc }) => [path, type, tag, doc])).toEqual([
    ['/day', 'int (date)', 'quasi-identifier', 'of the visit'],
    ['/contact', 'record cn.Phone | string?', null, null],
    ['/contact<cn.Phone>/number', 'string', 'direct-identifier', null],
    ['/phones', 'array of record cn.Phone', null, null],
    ['/phones[]/number', 'string', 'direct-identifier', null],
    ['/attrs', 'map of double?', null, null],
    ['/kind', 'enum Kind', null, null],
    ['/next', 'record Visit?', null, null],
  ]);
});
