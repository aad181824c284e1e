/** One Sluice for each data directory. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { commandLine } from './process-table.ts';

export interface DirectoryLock {
  release(): void;
}

/**
 * Takes the directory for this process. A living holder whose command line has `marker` is the failure `already-running`; the
 * lock of a process that has ended, or whose pid now belongs to another program, is taken over.
 */
export function lockDirectory(directory: string, marker: string): Result<DirectoryLock> {
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, 'sluice.pid');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return ok({ release: () => rmSync(file, { force: true }) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (holder !== process.pid && commandLine(holder).includes(marker)) {
      return fail(
        'already-running',
        `another Sluice (process ${holder}) uses ${directory}; stop it first, or set another SLUICE_DATA_DIR`,
      );
    }
    rmSync(file, { force: true });
  }
  return fail('already-running', `another Sluice is just starting on ${directory}`);
}
