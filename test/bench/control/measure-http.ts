/** Searching and listing a full catalogue over HTTP, one request after another, as operator, publisher and subscriber. */
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { openDatabase } from '../../../libs/adapters/postgres/index.ts';
import { ok, unwrap } from '../../../libs/base/index.ts';
import type { Signer } from '../../../libs/catalog/index.ts';
import { searchQueries, themes } from './catalog-words.ts';
import type { ControlHome, ControlProcess } from './control-home.ts';
import { operator, startControlProcess, withClient } from './control-home.ts';
import type { ControlOptions } from './options.ts';
import { seedAgreements } from './seed-agreements.ts';
import type { Caller } from './seed-catalog.ts';
import { callers, seedDatasets, seedParticipants } from './seed-catalog.ts';

export interface HttpFigure {
  readonly name: string;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  /** Of the control plane alone: PostgreSQL's is beside it. */
  readonly cpuMsPerRequest: number;
  /** The kind of request with the highest median, and that. */
  readonly slowest: { readonly what: string; readonly p50Ms: number };
}

export interface Catalog {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly signer: Signer;
  close(): Promise<void>;
}

/** A database for everything that is listed and searched, still empty. */
export async function openCatalog(home: ControlHome): Promise<Catalog> {
  const databaseUrl = await home.createDatabase('catalog');
  const database = unwrap(await openDatabase(databaseUrl));
  return { databaseUrl, database, signer: home.signer, close: () => database.close() };
}

export async function seedCatalog(
  { databaseUrl, database, signer }: Catalog,
  { datasets, agreements }: ControlOptions,
  progress: (text: string) => void,
): Promise<void> {
  const began = performance.now();
  progress(`catalogue: ${datasets} datasets, ${agreements} agreements`);
  await seedParticipants(database);
  await seedDatasets(database, datasets);
  await withClient(databaseUrl, (client) => seedAgreements(database, client, { agreements, datasets, isMixed: true, signer }));
  progress(`catalogue: there after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

/** Requests of one figure: each is another one, and what it is of its kind. */
interface Workload {
  readonly name: string;
  readonly count: number;
  readonly next: () => Asked;
}

interface Asked {
  readonly what: string;
  readonly as: Caller;
  readonly place: string;
  /** Told of the page that was answered. */
  readonly answered?: (page: { readonly next: string | null }) => void;
}

/**
 * The control plane starts on the empty database, and the catalogue comes under it: topics of so many datasets are not made, for reconciling waits for a
 * lock that is held here. None of these requests needs Kafka.
 */
export async function measureHttp(
  home: ControlHome,
  catalog: Catalog,
  seed: () => Promise<void>,
  { requests }: ControlOptions,
  progress: (text: string) => void,
): Promise<HttpFigure[]> {
  const { databaseUrl } = catalog;
  const plane = await startControlProcess(home, { databaseUrl, brokers: home.kafka.brokers, readyWithinSeconds: 60 });
  try {
    const measured = await catalog.database.locked('reconciliation', async () => {
      await seed();
      const figures: HttpFigure[] = [];
      for (const workload of workloads(requests)) {
        figures.push(await measure(plane, workload));
        progress(`http: ${workload.name}`);
      }
      return ok(figures);
    });
    return unwrap(measured);
  } finally {
    // It waits for the lock, or has just been given it: it is not to begin.
    await plane.stop('at once');
  }
}

const warmUpMax = 200;

async function measure(plane: ControlProcess, { name, count, next }: Workload): Promise<HttpFigure> {
  for (let index = 0; index < Math.min(warmUpMax, count); index += 1) await send(plane, next());
  const all: number[] = [];
  const byKind = new Map<string, number[]>();
  const cpuBefore = plane.cpuMicros();
  for (let index = 0; index < count; index += 1) {
    const asked = next();
    const tookMs = await send(plane, asked);
    all.push(tookMs);
    byKind.set(asked.what, [...(byKind.get(asked.what) ?? []), tookMs]);
  }
  const cpuMsPerRequest = (plane.cpuMicros() - cpuBefore) / count / 1_000;
  const medians = [...byKind].map(([what, times]) => ({ what, p50Ms: quantile(times, 0.5) }));
  const slowest = medians.reduce((most, one) => (one.p50Ms > most.p50Ms ? one : most));
  const [p50Ms, p95Ms, maxMs] = [quantile(all, 0.5), quantile(all, 0.95), Math.max(...all)];
  return { name, requests: count, p50Ms, p95Ms, maxMs, cpuMsPerRequest, slowest };
}

/** The smallest value that so large a part of them does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** Milliseconds until the whole answer is there. Throws for any status but 200. */
async function send({ address }: ControlProcess, { as, place, answered }: Asked): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${as.name}:${as.secret}`).toString('base64')}`;
  const began = performance.now();
  const response = await fetch(`${address}${place}`, { headers: { authorization } });
  const text = await response.text();
  const tookMs = performance.now() - began;
  if (response.status !== 200) throw new Error(`GET ${place} answered ${response.status}: ${text.slice(0, 400)}`);
  answered?.(JSON.parse(text) as { next: string | null });
  return tookMs;
}

function workloads(requests: number): Workload[] {
  const { publisher, subscriber, rare } = callers;
  const half = requests >> 1;
  const listing = (name: string, place: string, by: readonly Caller[], filters: readonly string[]): Workload => {
    const walks = by.flatMap((as) => filters.map((filter) => walk(place, as, filter)));
    return { name, count: half, next: inTurn(walks) };
  };
  const searches = searchQueries().map((query) => (as: Caller) => ({
    what: decodeURIComponent(query),
    as,
    place: `/v1/datasets?${query}`,
  }));
  const by: readonly Caller[] = [subscriber, publisher, operator];
  let number = 0;
  const search = (): Asked => {
    const round = Math.floor(number / searches.length);
    const [query, as] = [searches[number % searches.length], by[(number + round) % by.length]];
    number += 1;
    if (query === undefined || as === undefined) throw new Error('there is nothing to search for');
    return query(as);
  };
  const byTheme = themes.slice(0, 4).map((theme) => `&theme=${theme}`);
  const states = ['', '&state=started', '&state=suspended'];
  return [
    { name: 'search', count: requests, next: search },
    listing('datasets', '/v1/datasets', by, ['', '&level=L2', `&publisher=${publisher.name}`, ...byTheme]),
    listing('agreements, operator', '/v1/agreements', [operator], [...states, '&dataset=dataset-000001']),
    listing('agreements, party', '/v1/agreements', [publisher, subscriber, rare], states),
    listing('requests', '/v1/requests', [operator, publisher, subscriber, rare], ['', '&state=submitted']),
  ];
}

/** Page after page to the end, and from the beginning again. */
function walk(place: string, as: Caller, filter: string): () => Asked {
  let cursor: string | null = null;
  return () => ({
    what: `${place}?${filter.slice(1)} as ${as.name}, ${cursor === null ? 'first page' : 'later page'}`,
    as,
    place: `${place}?limit=50${filter}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    answered: ({ next }) => {
      cursor = next;
    },
  });
}

function inTurn(walks: readonly (() => Asked)[]): () => Asked {
  let turn = 0;
  return () => {
    const next = walks[turn % walks.length];
    turn += 1;
    if (next === undefined) throw new Error('there is nothing to ask for');
    return next();
  };
}
