/** TypeScript to JavaScript in dist/, incrementally. */
import { existsSync, rmSync } from 'node:fs';
import { distFile, moduleFile, root } from './places.mjs';
import { runQuietly } from './run.mjs';
import { NotPossible, step } from './say.mjs';

/** Builds. Type errors do not keep the code from running and are only counted: `npm run check` is their judge. */
export async function build(node, { quiet = false } = {}) {
  const compile = () =>
    runQuietly(node, [moduleFile('typescript/bin/tsc'), '-p', 'tsconfig.json', '--pretty', 'false'], { cwd: root });
  // The record of what was built is inside dist/, so that deleting dist/ always builds everything.
  if (!existsSync(distFile('apps'))) rmSync(distFile('.tsbuildinfo'), { force: true });
  const { code, output } = await (quiet ? compile() : step('Building', compile));
  if (code === 0) return;
  const errors = output.split('\n').filter((line) => line.includes('error TS'));
  if (errors.length === 0) throw new NotPossible(`The sources could not be built: ${output.trim()}`);
  if (!quiet) console.error(`${errors.length} type errors (npm run check lists them)`);
}
