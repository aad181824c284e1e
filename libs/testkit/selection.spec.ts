import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { neededServices } from './selection.ts';

describe('the services that a selection of tests needs', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sluice-selection-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  beforeAll(() => {
    // In two parts, or this file would itself seem to ask for a service.
    write('libs/a/small.spec.ts', "import { add } from './add.ts';");
    write('libs/a/add.ts', 'export const add = 1;');
    write('libs/b/store.spec.ts', ['const database = await fresh', 'Database();'].join(''));
    write('test/e2e/all.spec.ts', "import { world } from './world.ts';");
    write('test/e2e/world.ts', ['export const world = test', 'Kafka();'].join(''));
  });
  const write = (file: string, text: string): void => {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };

  test('is none for small tests', () => {
    expect(neededServices(root, ['libs/a'])).toEqual({ kafka: false, postgres: false });
  });

  test('is found in the spec files and in what they import', () => {
    expect(neededServices(root, ['store'])).toEqual({ kafka: false, postgres: true });
    expect(neededServices(root, ['e2e'])).toEqual({ kafka: true, postgres: false });
    expect(neededServices(root, [])).toEqual({ kafka: true, postgres: true });
  });
});
