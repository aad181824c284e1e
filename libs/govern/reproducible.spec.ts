/** Equal inputs give an equal Program: in another process, place, time zone and environment, and for a policy file in another order. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { parsePolicy } from '../odrl/index.ts';
import { stages } from '../stages/index.ts';
import { compile } from './index.ts';

const file = (place: string): string => readFileSync(new URL(`../../deploy/local/demo/${place}`, import.meta.url), 'utf8');
const schemaText = file('datasets/clinic-visits/schema.avsc');
const policies = ['clinic-research', 'clinic-regional'].map((name) => parse(file(`policies/${name}.yaml`)) as unknown);

interface Made {
  readonly hash: string;
  readonly module: string;
}

function made(policy: unknown): Made {
  const terms = unwrap(parsePolicy(policy));
  const program = unwrap(compile({ schema: unwrap(parseSchema(schemaText)), terms, stages }));
  return {
    hash: program.hash,
    module: createHash('sha256')
      .update(program.module ?? '')
      .digest('hex'),
  };
}

/** The same tree with the members of every object in the opposite order; lists stay, and `stages` is turned too, as its order decides nothing. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => {
    const inside = turned(member);
    return [name, name === 'stages' && Array.isArray(inside) ? inside.reverse() : inside];
  });
  return Object.fromEntries(members.reverse()) as unknown;
}

/** What the built code says in a child that shares neither directory, order of the environment, language nor time zone. */
function madeElsewhere(policy: unknown): Made {
  const room = (name: string): string => new URL(`../../dist/libs/${name}/index.js`, import.meta.url).href;
  const script = `
    import { createHash } from 'node:crypto';
    const [{ parseSchema }, { parsePolicy }, { compile }, { stages }] = await Promise.all(
      ${JSON.stringify(['avro', 'odrl', 'govern', 'stages'].map(room))}.map((room) => import(room)));
    const [schemaText, policy] = JSON.parse(process.argv[1]);
    const terms = parsePolicy(policy).value;
    const { hash, module } = compile({ schema: parseSchema(schemaText).value, terms, stages }).value;
    process.stdout.write(JSON.stringify({ hash, module: createHash('sha256').update(module).digest('hex') }));`;
  const environment: NodeJS.ProcessEnv = Object.fromEntries<string | undefined>([
    ['A_FIRST', 'x'],
    ...Object.entries(process.env)
      .filter(([name]) => !/^NODE_|^JEST_/.test(name))
      .reverse(),
    ['TZ', 'Pacific/Chatham'],
    ['LANG', 'tr_TR.UTF-8'],
    ['LC_ALL', 'tr_TR.UTF-8'],
  ]);
  const answer = execFileSync(process.execPath, ['--input-type=module', '--eval', script, JSON.stringify([schemaText, policy])], {
    env: environment,
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  return JSON.parse(answer) as Made;
}

describe('a Program', () => {
  test('of equal inputs has equal hash and module bytes each time', () => {
    const [first, second] = [made(policies[0]), made(policies[0])];
    expect(second).toEqual(first);
    expect(made(policies[1])).not.toEqual(first);
  });

  test('has the hash and bytes of the same policy with the members of its file, and its rules, in another order', () => {
    for (const policy of policies) {
      const other = turned(policy);
      expect(JSON.stringify(other)).not.toBe(JSON.stringify(policy));
      expect(made(other)).toEqual(made(policy));
    }
  });

  test('has the same hash and bytes in another process with another environment', () => {
    for (const policy of policies) expect(madeElsewhere(turned(policy))).toEqual(made(policy));
  });
});
