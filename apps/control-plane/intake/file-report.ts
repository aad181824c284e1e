/** The report beside a file: what became of it, without a value. */
import { rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { RowProblem } from './row-encoder.ts';

export interface FileReport {
  readonly file: string;
  readonly sha256: string;
  /** `refused` when the file as a whole is wrong, at the first row or later. */
  readonly state: 'done' | 'refused';
  readonly accepted: number;
  readonly refused: number;
  /** The first 100. */
  readonly problems: readonly RowProblem[];
}

/** Replaces `<name>.report.json` in one step, under a hidden name until it is whole. */
export async function writeReport(path: string, report: FileReport): Promise<void> {
  const target = `${path}.report.json`;
  const hidden = join(dirname(target), `.${basename(target)}.part`);
  await writeFile(hidden, `${JSON.stringify(report, null, 2)}\n`);
  await rename(hidden, target);
}
