import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from './command.ts';
import { explain } from './commands/explain.ts';
import { plan } from './commands/plan.ts';
import { clinicVisits } from '../../deploy/local/demo/feeds/clinic-visits.ts';
import { preview } from './commands/preview.ts';
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

const policy = (stages: string, channels = ''): string => `
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
        channels: { ${channels} }
        stages:
${stages}`;

const named = '          - { stage: pseudonymize, at: /id }\n          - { stage: mask, at: /name, with: { first: 1 } }\n';

const directories: string[] = [];

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sluice-cli-'));
  directories.push(directory);
  return directory;
}

afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function runExplain(
  policyText: string,
  ...more: string[]
): Promise<{ lines: string[]; ended: Awaited<ReturnType<typeof explain.run>> }> {
  const directory = await newDirectory();
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
    expect(lines[1]).toContain('purpose eq research: checked when the agreement is made');
    expect(lines[2]).toMatch(/^Program [0-9a-f]{64}$/);
    expect(lines.filter((line) => /^\/(?:id|name) /.test(line))).toHaveLength(2);
    expect(lines.some((line) => line.startsWith('(key)'))).toBe(true);
    const titles = lines.find((line) => line.startsWith('Field')) ?? '';
    for (const title of ['What happens', 'Why', 'Reversible', 'Lost', 'Length shows', 'Standard'])
      expect(titles).toContain(title);
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

describe('plan and preview', () => {
  async function runOn(command: Command, policyText: string, input: string, ...more: string[]) {
    const directory = await newDirectory();
    const file = (name: string): string => path.join(directory, name);
    await writeFile(file('policy.yaml'), policyText);
    await writeFile(file('schema.avsc'), schema);
    await writeFile(file('input.ndjson'), input);
    const lines: string[] = [];
    const terminal = { write: (line: string) => void lines.push(line), stopped: new AbortController().signal };
    const own = command.name === 'preview' ? ['--input', file('input.ndjson')] : [];
    const ended = await command.run(
      ['--policy', file('policy.yaml'), '--schema', file('schema.avsc'), ...own, ...more],
      terminal,
    );
    return { lines, ended };
  }

  test('plan prints the hash that explain prints, the keys it needs and the schema that leaves', async () => {
    const [planned, explained] = [await runOn(plan, policy(named), ''), await runExplain(policy(named))];
    expect(planned.ended.ok).toBe(true);
    expect(planned.lines[0]?.split(/ +/)[1]).toBe(explained.lines[2]?.split(' ')[1]);
    expect(planned.lines[2]).toContain('pseudonymize/id');
    const { manifest } = JSON.parse((await runOn(plan, policy(named), '', '--json', 'yes')).lines.join('')) as {
      manifest: { engine: string };
    };
    expect(manifest.engine).toBe('wasm');
  });

  test('preview shows each record before and after, with what was withheld and refused', async () => {
    const rules = `          - { stage: filter, with: { where: 'name != "out"' } }\n          - { stage: pseudonymize, at: /id, with: { pattern: '[0-9]{3}' } }\n          - { stage: mask, at: /name, with: { first: 1 } }\n`;
    const input = ['{"id":"123","name":"wang"}', '{"id":"456","name":"out"}', '{"id":"x","name":"li"}'].join('\n');
    const { lines } = await runOn(preview, policy(rules), input, '--json', 'yes');
    const shown = lines.map((line) => JSON.parse(line) as { outcome: string; after: { id: string; name: string } | null });
    expect(shown.map(({ outcome }) => outcome)).toEqual(['governed', 'withheld', 'refused: value-unfit at /id']);
    expect(shown[0]?.after).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), name: 'w***' });
    const table = await runOn(preview, policy(rules), input, '--max', '1');
    expect(table.lines[0]).toBe('Record 1: governed');
    expect(table.lines.some((line) => /^name +wang +w\*\*\*$/.test(line))).toBe(true);
  });

  test('of a compacted feed the hash is another, withheld rows leave as deletes, and a key that tells no records apart is refused', async () => {
    const filtered = `          - { stage: filter, with: { where: 'name != "out"' } }\n${named}`;
    const keyed = (key: string): string => policy(filtered, `key: ${key}`);
    const compacted = ['--compacted', 'yes'];
    const hashOf = ({ lines }: { lines: string[] }): string | undefined => lines[0];
    const plain = await runOn(plan, keyed('keep'), '');
    expect(hashOf(await runOn(plan, keyed('keep'), '', ...compacted))).not.toBe(hashOf(plain));
    expect(hashOf(await runOn(plan, keyed('keep'), '', '--compacted', 'no'))).toBe(hashOf(plain));
    const { lines } = await runOn(explain, keyed('keep'), '', ...compacted);
    expect(lines.find((line) => line.startsWith('(tombstones)'))).toMatch(/leave as deletes .* withheld rows too/);
    const input = ['{"id":"123","name":"wang"}', '{"id":"456","name":"out"}'].join('\n');
    const shown = await runOn(preview, keyed('keep'), input, '--json', 'yes', ...compacted);
    const outcomes = shown.lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome);
    expect(outcomes).toEqual(['governed', 'withheld, leaves as a delete']);
    for (const [key, more, code] of [
      ['drop', compacted, 'plan-invalid'],
      ['keep', ['--compacted', 'perhaps'], 'request-invalid'],
    ] as const)
      expect((await runOn(plan, keyed(key), '', ...more)).ended).toMatchObject({ ok: false, failure: { code } });
  });

  test('preview gives a record the key that the policy has it repeat', async () => {
    const demo = 'deploy/local/demo';
    const directory = await newDirectory();
    const input = path.join(directory, 'input.ndjson');
    await writeFile(input, `${JSON.stringify(clinicVisits().next().value)}\n`);
    const lines: string[] = [];
    const terminal = { write: (line: string) => void lines.push(line), stopped: new AbortController().signal };
    for (const name of ['clinic-research', 'clinic-regional']) {
      const files = ['--policy', `${demo}/policies/${name}.yaml`, '--schema', `${demo}/datasets/clinic-visits/schema.avsc`];
      expect(await preview.run([...files, '--input', input, '--json', 'yes'], terminal)).toMatchObject({ ok: true });
    }
    expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome)).not.toContainEqual(
      expect.stringContaining('refused'),
    );
    expect(lines).toHaveLength(2);
  });

  test('preview names the line and the field of a record that the schema does not take, never its value', async () => {
    const { ended } = await runOn(
      preview,
      policy(named),
      '{"id":"1","name":"a"}\n{"id":"a-secret-value-in-the-wrong-place","nome":"b"}',
    );
    expect(ended).toMatchObject({ ok: false, failure: { message: 'line 2: /nome: the schema has no such field' } });
    expect(JSON.stringify(ended)).not.toContain('a-secret-value');
  });
});
