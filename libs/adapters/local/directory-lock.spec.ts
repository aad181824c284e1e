import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { lockDirectory } from './index.ts';

describe('the lock of a data directory', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-lock-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('is refused while a living Sluice holds it', () => {
    // The parent of a test process is a living process with "node" in its command line.
    writeFileSync(path.join(directory, 'sluice.pid'), `${process.ppid}\n`);
    expect(lockDirectory(directory, 'node')).toMatchObject({ ok: false, failure: { code: 'already-running' } });
  });

  test('is taken over from a process that has ended or is another program', () => {
    writeFileSync(path.join(directory, 'sluice.pid'), `${process.ppid}\n`);
    unwrap(lockDirectory(directory, 'no such program')).release();
    writeFileSync(path.join(directory, 'sluice.pid'), '999999999\n');
    unwrap(lockDirectory(directory, 'node')).release();
    unwrap(lockDirectory(directory, 'node')).release();
  });
});
