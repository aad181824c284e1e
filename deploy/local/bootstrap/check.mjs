/** `npm run check`: every check of the sources, each with one line; the output of those that fail. Needs no broker and no database. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { distFile, moduleFile, root } from './places.mjs';
import { runQuietly, runToEnd } from './run.mjs';
import { jestArgs } from './test.mjs';

const formatConfig = '--config-path=test/tidy/format.json';

/** Files that are made from the sources by `npm run generate`, and are committed. */
const generated = [
  'docs/errors.md',
  'docs/config.md',
  'docs/stages.md',
  'proto-schemas/openapi/control-plane.json',
  'proto-schemas/asyncapi/sluice.json',
];

/** Runs all checks, or those whose name is given. Resolves with the exit code. */
export async function check(node, names) {
  const tool =
    (file, ...args) =>
    () =>
      runQuietly(node, [moduleFile(file), ...args], { cwd: root });
  const checks = {
    types: tool('typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--incremental', 'false', '--pretty', 'false'),
    arrows: tool(
      'dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      'test/tidy/arrows.cjs',
      'apps',
      'libs',
      'deploy',
      'test',
    ),
    unused: tool('knip/bin/knip.js', '--no-progress'),
    lint: tool(
      'oxlint/bin/oxlint',
      '-c',
      'test/tidy/oxlint.json',
      '--type-aware',
      '--deny-warnings',
      'apps',
      'libs',
      'deploy',
      'test',
    ),
    format: tool('@biomejs/biome/bin/biome', 'ci', formatConfig, '--reporter=summary', '--colors=off', '.'),
    tidy: () => runQuietly(node, [...jestArgs(), 'test/tidy'], { cwd: root }),
    generated: () => unchanged(node),
  };
  const chosen = names.length > 0 ? names : Object.keys(checks);
  const unknown = chosen.find((name) => !Object.hasOwn(checks, name));
  if (unknown) {
    console.error(`There is no check "${unknown}". The checks are ${Object.keys(checks).join(', ')}.`);
    return 1;
  }
  let failed = 0;
  for (const name of chosen) {
    const began = Date.now();
    if (name === 'tidy' || name === 'generated') await build(node, { quiet: true });
    const { code, output } = await checks[name]();
    console.log(`${name.padEnd(10)} ${code === 0 ? 'good' : 'FAILED'}  ${((Date.now() - began) / 1000).toFixed(1)} s`);
    if (code !== 0) {
      failed += 1;
      console.log(output.trimEnd().replaceAll(/^/gm, '  '));
    }
  }
  console.log(failed === 0 ? 'All checks are good.' : `${failed} of ${chosen.length} checks failed.`);
  return failed === 0 ? 0 : 1;
}

/** Writes the generated files, into the tree or into the given directory. */
export function generate(node, args) {
  return runToEnd(node, [distFile('test/tidy/generate.js'), ...args]);
}

/** Formats the whole tree, or the given paths, in place. */
export function format(node, paths) {
  const biome = moduleFile('@biomejs/biome/bin/biome');
  return runToEnd(node, [biome, 'format', '--write', formatConfig, ...(paths.length > 0 ? paths : ['.'])]);
}

async function unchanged(node) {
  const fresh = mkdtempSync(path.join(tmpdir(), 'sluice-generated-'));
  try {
    const made = await runQuietly(node, [distFile('test/tidy/generate.js'), fresh], { cwd: root });
    if (made.code !== 0) return made;
    const stale = generated.filter((file) => read(path.join(fresh, file)) !== read(path.join(root, file)));
    return { code: stale.length, output: `${stale.join(', ')} would change: run \`npm run generate\` and commit the result.` };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
