/** Sends generated orders over HTTP as NDJSON. Each batch has an Idempotency-Key of its place in the feed, so a repeated one goes in once. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../api-client.ts';
import { customsOrders } from './customs-orders.ts';
import type { Feed, FeedContext } from './feed.ts';
import { Progress } from './feed.ts';

const dataset = 'customs-orders';
const publisher = 'qiantang-trade';
const batchRecords = 200;
const betweenBatchesMs = 1_000;
const afterFailureMs = 3_000;
const recordsMax = 1_000_000;

/** Goes on at the batch after the last one that was taken. */
export function startOrdersFeed(context: FeedContext): Feed {
  const progress = new Progress(dataset, 'HTTP');
  const api = new ApiClient(context.apiAddress, { name: publisher, secret: context.accounts[publisher] ?? '' });
  const place = new Place(path.join(context.stateDirectory, `${dataset}.json`));
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    const orders = customsOrders({ start: place.next });
    while (!stopped.signal.aborted && place.next < recordsMax) {
      const lines = Array.from({ length: batchRecords }, () => JSON.stringify(orders.next().value)).join('\n');
      const key = `${dataset}/${place.next}-${place.next + batchRecords - 1}`;
      while (!stopped.signal.aborted) {
        const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': key };
        const answer = await api.send('POST', `/v1/datasets/${dataset}/records`, lines, headers);
        if (answer.ok) {
          progress.sent += batchRecords;
          progress.state = 'running';
          progress.lastError = undefined;
          place.moveTo(place.next + batchRecords);
          break;
        }
        progress.state = 'waiting';
        progress.lastError = answer.failure.message;
        await pause(afterFailureMs);
      }
      await pause(betweenBatchesMs);
    }
    progress.state = 'done';
  };
  const pause = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal: stopped.signal }).catch(() => undefined);
  };
  const done = run();
  return {
    progress: () => progress.get(),
    stop: async () => {
      stopped.abort();
      await done;
    },
  };
}

/** The next order, kept in a file. */
class Place {
  next = 0;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    if (existsSync(file)) this.next = (JSON.parse(readFileSync(file, 'utf8')) as { next: number }).next;
  }

  moveTo(next: number): void {
    this.next = next;
    writeFileSync(`${this.#file}.part`, JSON.stringify({ next }));
    renameSync(`${this.#file}.part`, this.#file);
  }
}
