import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';

const root = repositoryRoot();
const config = path.join(root, 'test', 'tidy', 'arrows.cjs');
const ruleNames = (createRequire(import.meta.url)(config) as { forbidden: { name: string }[] }).forbidden.map(({ name }) => name);

/** Files that break every rule: path, text, and the rules that must name it. */
const planted: [file: string, text: string, rules: string[]][] = [
  ['libs/base/up.ts', "import '../govern/index.ts';", ['base-imports-only-below']],
  ['libs/base/type.ts', "import type { A } from '../odrl/index.ts';\nexport type B = A;", ['base-imports-only-below']],
  ['libs/identifiers/up.ts', "import '../odrl/index.ts';", ['identifiers-imports-only-below']],
  ['libs/wasm/up.ts', "import '../records/index.ts';", ['wasm-imports-only-below']],
  ['libs/ciphers/up.ts', "import '../records/index.ts';", ['ciphers-imports-only-below']],
  ['libs/odrl/up.ts', "import '../avro/index.ts';", ['odrl-imports-only-below']],
  ['libs/avro/up.ts', "import '../govern/index.ts';", ['avro-imports-only-below']],
  ['libs/records/up.ts', "import '../govern/index.ts';", ['records-imports-only-below']],
  ['libs/govern/up.ts', "import '../stages/index.ts';", ['govern-imports-only-below']],
  ['libs/stages/up.ts', "import '../catalog/index.ts';", ['stages-imports-only-below']],
  ['libs/catalog/side.ts', "import '../ledger/index.ts';", ['catalog-imports-only-below']],
  ['libs/ledger/side.ts', "import '../catalog/index.ts';", ['ledger-imports-only-below']],
  ['libs/telemetry/up.ts', "import '../govern/index.ts';", ['telemetry-imports-only-below']],
  [
    'libs/adapters/kms/up.ts',
    "import '../../../apps/link/start.ts';",
    ['adapters-import-only-below', 'embedded-alone-joins-apps'],
  ],
  ['libs/adapters/kms/side.ts', "import '../kafka/index.ts';", ['adapters-apart']],
  ['libs/stages/mask/side.ts', "import '../filter/filter.ts';", ['stages-apart']],
  [
    'libs/records/telemetry.ts',
    "import '../telemetry/start-telemetry.ts';",
    ['only-apps-start-telemetry', 'records-imports-only-below'],
  ],
  ['apps/link/sibling.ts', "import '../data-plane/start.ts';", ['embedded-alone-joins-apps']],
  ['apps/link/testing.ts', "import '../../libs/testkit/index.ts';", ['testkit-for-tests-alone']],
  ['apps/link/demo.ts', "import '../../deploy/local/thing.ts';", ['deploy-stays-outside']],
  ['apps/link/inside.ts', "import '../../libs/govern/inner.ts';", ['rooms-by-their-door']],
  ['apps/link/adapter-inside.ts', "import '../../libs/adapters/kafka/inner.ts';", ['adapters-by-their-door']],
  [
    'apps/link/sql.ts',
    "import pg from 'pg';\n@Decorated()\nexport class A { constructor(@Given() readonly a: pg.Client) {} }",
    ['only-postgres-speaks-sql'],
  ],
  ['apps/link/avro.ts', "import 'avsc';", ['only-avro-uses-avsc']],
  ['apps/link/wire.ts', "import '@platformatic/kafka';", ['only-kafka-adapter-uses-its-wire-library']],
  ['libs/govern/nest.ts', "import '@nestjs/common';", ['only-apps-use-nest']],
  ['libs/govern/kafkajs.ts', "import 'kafkajs';", ['only-apps-and-platforms-use-kafkajs']],
  ['libs/base/one.ts', "import './two.ts';", ['no-circle']],
  ['libs/base/nowhere.ts', "import './absent.ts';", ['resolvable']],
  ['libs/base/development.ts', "import 'fast-check';", ['product-without-development-packages']],
];
const innocent = [
  'libs/base/two.ts',
  ...['base', 'odrl', 'avro', 'records', 'identifiers', 'stages', 'catalog', 'ledger', 'telemetry', 'testkit'].map(
    (room) => `libs/${room}/index.ts`,
  ),
  'libs/govern/index.ts',
  'libs/govern/inner.ts',
  'libs/adapters/kafka/index.ts',
  'libs/adapters/kafka/inner.ts',
  'libs/stages/filter/filter.ts',
  'libs/telemetry/start-telemetry.ts',
  'apps/link/start.ts',
  'apps/data-plane/start.ts',
  'deploy/local/thing.ts',
];

describe('the arrows check', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-arrows-'));
  let found: Map<string, Set<string>>;
  beforeAll(() => {
    for (const file of innocent) write(directory, file, 'export const a = 1;\nexport type A = 1;\n');
    write(directory, 'libs/base/two.ts', "import './one.ts';\n");
    for (const [file, text] of planted) write(directory, file, `${text}\n`);
    write(
      directory,
      'package.json',
      JSON.stringify({
        type: 'module',
        devDependencies: { 'fast-check': '*' },
        dependencies: { pg: '*' },
      }),
    );
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
    found = cruise(directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(planted)('%s (%s) breaks its rules', (file, _text, rules) => {
    expect([...(found.get(file) ?? [])]).toEqual(expect.arrayContaining(rules));
  });

  test('has a planted fault for every rule', () => {
    expect([...new Set(planted.flatMap(([, , rules]) => rules))].sort()).toEqual([...ruleNames].sort());
  });

  test('leaves the innocent alone', () => {
    expect(innocent.filter((file) => found.has(file))).toEqual([]);
  });
});

function cruise(directory: string): Map<string, Set<string>> {
  const tool = path.join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const args = [tool, '--config', config, '--output-type', 'json', 'apps', 'libs', 'deploy'];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  const found = new Map<string, Set<string>>();
  for (const { from, rule } of summary.violations) found.set(from, (found.get(from) ?? new Set()).add(rule.name));
  return found;
}

function write(directory: string, file: string, text: string): void {
  mkdirSync(path.join(directory, path.dirname(file)), { recursive: true });
  writeFileSync(path.join(directory, file), text);
}
