/** The watched folder: `<directory>/<dataset>/` is looked through every second, and what lies still there is taken in. */
import type { Stats } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Failure, Result } from '../../../libs/base/index.ts';
import { FailureError, fail, ok } from '../../../libs/base/index.ts';
import { writeReport } from './file-report.ts';
import type { Intake } from './intake.ts';
import type { FileFormat } from './take-file.ts';
import { fileFormats, takeFile } from './take-file.ts';
import { traced } from './traced.ts';

const scanEveryMs = 1_000;
/** A file that could not be taken is left alone for so long, milliseconds: finding out what it is means reading all of it. */
const restMs = 10_000;

interface FolderOptions {
  readonly intake: Intake;
  readonly directory: string;
  /** Told what an operator may want to know; names of files, never what is in them. */
  readonly log: { info(sentence: string): void; warn(sentence: string): void };
}

/** Starts watching. A directory is made for every dataset. `stop` ends between two transactions. */
export function watchFolder(options: FolderOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const folder = new WatchedFolder(options, stopping.signal);
  const running = folder.run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

class WatchedFolder {
  readonly #options: FolderOptions;
  readonly #signal: AbortSignal;
  /** What each path looked like at the last scan, and what it looked like when it was taken. */
  #seen = new Map<string, string>();
  readonly #taken = new Map<string, string>();
  readonly #restUntil = new Map<string, number>();
  /** The last trouble told, so that it is not told every second. */
  #told = '';

  constructor(options: FolderOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const scanned = await this.#scan();
        this.#tell(scanned.ok ? '' : scanned.failure.message);
      } catch (error) {
        // The directory may be gone for a while; the folder goes on when it is back.
        this.#tell(codeOf(error));
      }
      await sleep(scanEveryMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  async #scan(): Promise<Result<void>> {
    const datasets = await this.#options.intake.database.stores.datasets.list();
    if (!datasets.ok) return datasets;
    const seen = new Map<string, string>();
    let trouble: Failure | null = null;
    for (const dataset of datasets.value) {
      const directory = join(this.#options.directory, dataset.id);
      await mkdir(directory, { recursive: true });
      for (const name of (await readdir(directory)).sort()) {
        const format = formatOf(name);
        if (format === null || this.#signal.aborted) continue;
        const path = join(directory, name);
        const look = await lookOf(path);
        if (look === null) continue;
        seen.set(path, look);
        // The same size and time in two scans: nobody is writing it.
        if (this.#seen.get(path) !== look || this.#taken.get(path) === look) continue;
        if ((this.#restUntil.get(path) ?? 0) > performance.now()) continue;
        const taken = await this.#take(dataset, path, format);
        if (taken.ok) this.#taken.set(path, look);
        else {
          trouble = taken.failure;
          this.#restUntil.set(path, performance.now() + restMs);
        }
      }
    }
    trouble ??= await this.#strayFolder(datasets.value);
    this.#seen = seen;
    for (const known of [this.#taken, this.#restUntil]) {
      for (const path of known.keys()) if (!seen.has(path)) known.delete(path);
    }
    return trouble === null ? ok(undefined) : { ok: false, failure: trouble };
  }

  /** A folder that no dataset has is most often a misspelt one: nobody would be told that its files are not read. */
  async #strayFolder(datasets: readonly Dataset[]): Promise<Failure | null> {
    const entries = await readdir(this.#options.directory, { withFileTypes: true }).catch(() => []);
    const stray = entries.find(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !datasets.some(({ id }) => id === entry.name),
    );
    return stray === undefined
      ? null
      : fail('not-found', `the folder ${stray.name} is of no dataset; its files are not read until there is one`).failure;
  }

  async #take(dataset: Dataset, path: string, format: FileFormat): Promise<Result<void>> {
    const { intake, log } = this.#options;
    try {
      const report = await traced(dataset.id, null, (headers) =>
        takeFile(intake, { dataset, path, format, signal: this.#signal, headers }),
      );
      if (!report.ok) return report;
      if (report.value === null) return fail('service-failed', 'stopping');
      await writeReport(path, report.value);
      const { file, state, accepted, refused } = report.value;
      log.info(`file ${file} of ${dataset.id} is ${state}: ${accepted} rows in, ${refused} refused`);
      return ok(undefined);
    } catch (error) {
      if (error instanceof FailureError) return { ok: false, failure: error.failure };
      const code = codeOf(error);
      return fail('service-failed', `reading a file of ${dataset.id}: ${code}`);
    }
  }

  #tell(trouble: string): void {
    if (trouble !== '' && trouble !== this.#told && !this.#signal.aborted) this.#options.log.warn(`watched folder: ${trouble}`);
    this.#told = trouble;
  }
}

/** `ENOSPC` and the like: the sentence of such an error holds a path, which is for the log of the host alone. */
const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unexpected';

/** Hidden names and other endings (`.part` among them) are somebody's work in progress or reports. */
function formatOf(name: string): FileFormat | null {
  if (name.startsWith('.')) return null;
  return fileFormats.find((format) => name.toLowerCase().endsWith(`.${format}`)) ?? null;
}

/** What tells one state of a regular file from another; null for links, directories and what is gone. */
async function lookOf(path: string): Promise<string | null> {
  let stats: Stats;
  try {
    stats = await lstat(path);
  } catch {
    return null;
  }
  return stats.isFile() ? `${stats.ino}/${stats.size}/${stats.mtimeMs}` : null;
}
