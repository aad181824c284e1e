/** `npm test`: jest, and after everything else that it prints the one closing line. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { moduleFile } from './places.mjs';
import { runToEnd } from './run.mjs';

/** How jest is started: its modules run natively, as the product's do. */
export const jestArgs = () => [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=TimeoutNegativeWarning',
  moduleFile('jest/bin/jest.js'),
];

/** Runs the tests, all or those that the patterns select. Resolves with the exit code: not 0 on a failure or without a test. */
export async function test(node, patterns, environment = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-summary-'));
  const summary = path.join(directory, 'summary');
  try {
    const code = await runToEnd(node, [...jestArgs(), ...patterns], { ...environment, TESTKIT_SUMMARY: summary });
    const line = existsSync(summary) ? readFileSync(summary, 'utf8').trim() : '0 passed, 1 failed';
    console.log(line);
    return code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The property tests at length, from a random seed; the environment may set less, or the seed of a failure. */
export function testProperties(node) {
  const amount = { PROPERTY_RUNS: '20000', PROPERTY_RECORDS: '50', PROPERTY_SEED: 'random' };
  const given = Object.fromEntries(
    Object.keys(amount).flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])),
  );
  return test(node, ['test/property'], { ...amount, ...given });
}
