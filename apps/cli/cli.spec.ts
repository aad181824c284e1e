import { describe, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { explain } from './commands/explain.ts';
import { read } from './commands/read.ts';
import { table } from './table.ts';

const schema = JSON.stringify({
  type: 'record',
  name: 'Person',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'name', type: 'string' },
  ],
});

const policy = (stages: string): string => `
'@context': http://www.w3.org/ns/odrl.jsonld
'@type': Agreement
uid: one
profile: urn:sluice:odrl:1
permission:
  - target: people
    assigner: town
    assignee: clinic
    action: distribute
    constraint: [{ leftOperand: purpose, operator: eq, rightOperand: research }]
    duty:
      - action: govern
        stages:
${stages}`;

const named = '          - { stage: pseudonymize, at: /id }\n          - { stage: mask, at: /name, with: { first: 1 } }\n';

async function runExplain(
  policyText: string,
  ...more: string[]
): Promise<{ lines: string[]; ended: Awaited<ReturnType<typeof explain.run>> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sluice-cli-'));
  const [policyFile, schemaFile] = [path.join(directory, 'policy.yaml'), path.join(directory, 'schema.avsc')];
  await writeFile(policyFile, policyText);
  await writeFile(schemaFile, schema);
  const lines: string[] = [];
  const terminal = { write: (line: string) => void lines.push(line), stopped: new AbortController().signal };
  const ended = await explain.run(['--policy', policyFile, '--schema', schemaFile, ...more], terminal);
  return { lines, ended };
}

describe('explain', () => {
  test('prints who, why, the Program hash and a row for each field and channel', async () => {
    const { lines, ended } = await runExplain(policy(named));
    expect(ended.ok).toBe(true);
    expect(lines[0]).toBe('one: people, from town to clinic');
    expect(lines[1]).toContain('purpose eq research: by contract');
    expect(lines[2]).toMatch(/^Program [0-9a-f]{64}$/);
    expect(lines.filter((line) => /^\/(?:id|name) /.test(line))).toHaveLength(2);
    expect(lines.some((line) => line.startsWith('(key)'))).toBe(true);
  });

  test('gives the same as JSON', async () => {
    const { lines } = await runExplain(policy(named), '--json', 'yes');
    expect(JSON.parse(lines.join('\n'))).toMatchObject({ agreement: 'one', governedSchema: { type: 'record' } });
  });

  test('fails with the field that no rule names, with a file that is not there, and on a wrong option', async () => {
    const unnamed = await runExplain(policy('          - { stage: keep, at: /id }\n'));
    expect(unnamed.ended).toMatchObject({
      ok: false,
      failure: { code: 'field-unnamed', message: expect.stringContaining('/name') },
    });
    const terminal = { write: () => undefined, stopped: new AbortController().signal };
    const missing = await explain.run(['--policy', '/nowhere', '--schema', '/nowhere'], terminal);
    expect(missing).toMatchObject({ ok: false, failure: { code: 'not-found' } });
    const unknown = await explain.run(['--polizy', 'x'], terminal);
    expect(unknown).toMatchObject({
      ok: false,
      failure: { code: 'request-invalid', message: expect.stringContaining('--polizy') },
    });
  });
});

describe('read', () => {
  const terminal = { write: () => undefined, stopped: new AbortController().signal };
  const least = ['--agreement', 'a', '--account', 'b', '--brokers', '127.0.0.1:1', '--registry', 'http://127.0.0.1:1/registry'];

  test('wants its options, one secret and a sensible number', async () => {
    const cases: [string[], string][] = [
      [[], '--agreement, --account, --brokers, --registry'],
      [least, '--secret or --secret-file'],
      [[...least, '--secret', 's', '--max', '0'], '--max'],
      [[...least, '--secret', 's', '--from', 'middle'], '--from'],
    ];
    for (const [args, says] of cases) {
      const ended = await read.run(args, terminal);
      expect(ended).toMatchObject({ ok: false, failure: { code: 'request-invalid', message: expect.stringContaining(says) } });
    }
  });

  test('says in one sentence that no broker answers, without the secret', async () => {
    const ended = await read.run([...least, '--secret', 'the-secret'], terminal);
    expect(ended).toMatchObject({ ok: false, failure: { code: 'broker-unreachable' } });
    expect(JSON.stringify(ended)).not.toContain('the-secret');
  });
});

test('a table lines up text of double width', () => {
  expect(
    table(
      ['a', 'b'],
      [
        ['上海', 'x'],
        ['bc', 'y'],
      ],
    ),
  ).toEqual(['a     b', '----  -', '上海  x', 'bc    y']);
});
