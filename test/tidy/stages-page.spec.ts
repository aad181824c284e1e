import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { stages } from '../../libs/stages/index.ts';
import { stagesPage } from './stages-page.ts';

const page = stagesPage(stages);

test('the page of stages has a part for each, once, by name', () => {
  const parts = [...page.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
  expect(parts).toEqual(stages.map(({ name }) => name).sort());
});

const bare = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| `') && line.endsWith('|  |'));

test('every setting is described, and every fact of every stage is told', () => {
  expect(bare(page)).toEqual([]);
  for (const { facts } of stages) for (const fact of Object.values(facts)) expect(page).toContain(fact);
});

test('a setting without a description would be found', () => {
  const [first] = stages;
  if (first === undefined) throw new Error('there are no stages');
  expect(bare(stagesPage([{ ...first, config: z.strictObject({ silent: z.string() }) }]))).toHaveLength(1);
});
