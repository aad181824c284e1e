/** The control plane at the size that it is made for. What cannot be measured is a failure of the run; a goal that is missed is not. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { kafkaJarsDirectory } from '../../../libs/adapters/local/index.ts';
import type { ControlHome } from './control-home.ts';
import { openControlHome } from './control-home.ts';
import type { GrantTimes } from './measure-grant.ts';
import { measureGrants } from './measure-grant.ts';
import type { HttpFigure } from './measure-http.ts';
import { measureHttp, openCatalog, seedCatalog } from './measure-http.ts';
import type { ReconcileFigure } from './measure-reconcile.ts';
import { measureReconcile } from './measure-reconcile.ts';
import type { SimulatedFigure } from './measure-simulated.ts';
import { measureSimulated } from './measure-simulated.ts';
import type { ControlOptions, PartName } from './options.ts';

export interface ControlReport {
  readonly date: string;
  readonly machine: string;
  readonly options: ControlOptions;
  readonly http: readonly HttpFigure[];
  readonly reconcile: readonly ReconcileFigure[];
  readonly simulated: SimulatedFigure | undefined;
  readonly grants: readonly GrantTimes[];
  /** What was tried and failed. Not empty: the run failed. */
  readonly failures: readonly string[];
}

type Progress = (text: string) => void;

/** Starts what it needs in temporary directories and removes all at the end. */
export async function benchControl(options: ControlOptions, progress: Progress): Promise<ControlReport> {
  if (!existsSync(kafkaJarsDirectory())) throw new Error("The broker's jars are missing: run `npm test` or `npm start` once.");
  const failures: string[] = [];
  const part = async <T>(name: PartName, none: T, work: () => Promise<T>): Promise<T> => {
    if (!options.parts.includes(name)) return none;
    try {
      return await work();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(`${name}: ${why}`);
      progress(`${name} failed: ${why}`);
      return none;
    }
  };
  const onServices = await withServices(options, async (home) => {
    const { http, simulated } = await measureCatalog(home, options, part, progress);
    const reconcile = await part('reconcile', [], () => measureReconcile(home, options.live, progress));
    return { http, simulated, reconcile };
  });
  const grants = await part('grant', [], () => measureGrants(options.grants, progress));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    options,
    ...onServices,
    grants,
    failures,
  };
}

type OnServices = Pick<ControlReport, 'http' | 'simulated' | 'reconcile'>;

async function withServices({ parts }: ControlOptions, work: (home: ControlHome) => Promise<OnServices>): Promise<OnServices> {
  if (parts.every((name) => name === 'grant')) return { http: [], simulated: undefined, reconcile: [] };
  const home = await openControlHome();
  try {
    return await work(home);
  } finally {
    await home.close();
  }
}

type Part = <T>(name: PartName, none: T, work: () => Promise<T>) => Promise<T>;

async function measureCatalog(
  home: ControlHome,
  options: ControlOptions,
  part: Part,
  progress: Progress,
): Promise<Pick<ControlReport, 'http' | 'simulated'>> {
  if (!options.parts.includes('http') && !options.parts.includes('simulated')) return { http: [], simulated: undefined };
  const catalog = await openCatalog(home);
  let isSeeded = false;
  const seed = async (): Promise<void> => {
    if (!isSeeded) await seedCatalog(catalog, options, progress);
    isSeeded = true;
  };
  try {
    const http = await part<readonly HttpFigure[]>('http', [], () => measureHttp(home, catalog, seed, options, progress));
    const simulated = await part<SimulatedFigure | undefined>('simulated', undefined, async () => {
      await seed();
      return measureSimulated(catalog.database);
    });
    return { http, simulated };
  } finally {
    await catalog.close();
  }
}
