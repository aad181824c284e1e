import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { rules } from './rules.ts';
import type { Tree } from './tree.ts';
import { readTree } from './tree.ts';

const tree = readTree(repositoryRoot());
const join = (...parts: string[]): string => parts.join('');

/** A fault for every rule; the words are joined here so that this file does not break the rule itself. */
const planted: Record<keyof typeof rules, [file: string, text: string]> = {
  'a file of code has at most 400 lines': ['libs/base/long.ts', 'x\n'.repeat(401)],
  'the top level holds only what the design names': ['notes.md', ''],
  'no room is a drawer for everything': ['libs/common/README.md', ''],
  'no name says Manager, Helper, Util, Common or Processor': ['libs/base/thing.ts', join('export class Topic', 'Manager {}')],
  'nothing is left for later': ['libs/base/later.ts', join('// TO', 'DO: later')],
  'no test is focused or left out': ['libs/base/a.spec.ts', join('  test', ".only('a', () => {});")],
  'every room says what it is': ['libs/newroom/index.ts', ''],
  'only config.ts and main.ts of an app see the environment': ['libs/base/a.ts', join('const port = process', '.env.PORT;')],
  'no file knows a machine': ['docs/a.md', join('see /ho', 'me/someone/notes')],
  'docs/errors.md lists the codes of the catalogue, each once': ['docs/errors.md', '## `no-such-code`\n'],
  'package-lock.json fits every platform and every registry': [
    'package-lock.json',
    JSON.stringify({
      packages: {
        'node_modules/a': { optionalDependencies: { 'a-linux-x64': '1.0.0' } },
      },
    }),
  ],
  'every dependency has an exact version': ['package.json', JSON.stringify({ dependencies: { a: '^1.0.0' } })],
};

describe.each(Object.entries(rules))('tidy: %s', (name, rule) => {
  test('holds', () => {
    expect(rule(tree)).toEqual([]);
  });

  test('and a planted fault is found', () => {
    const [file, text] = planted[name as keyof typeof rules];
    const changed: Tree = new Map([...tree, [file, text]]);
    const fresh = rule(changed).filter((fault) => !rule(tree).includes(fault));
    expect(fresh).not.toEqual([]);
  });
});
