/** Starts something that needs Kafka, again and again while no broker answers: what cannot heal by itself is told at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Result } from '../../base/index.ts';

/** Between two tries, milliseconds: doubled from the first to the last, and up to a fifth more, so that many do not come at the same time. */
const pauseMsMin = 250;
const pauseMsMax = 2_000;

/** A broker may come back. Credentials, a certificate or a release that do not fit stay as they are, and the failure says which it is about. */
const mayHeal = ({ code, at }: Failure): boolean => code === 'broker-unreachable' && at === undefined;

/** The first outcome that is a success, or a failure that waiting does not mend. `waits` is told each failure that is waited out. */
export async function waitForBroker<T>(start: () => Promise<Result<T>>, waits: (failure: Failure) => void): Promise<Result<T>> {
  for (let attempt = 0; ; attempt += 1) {
    const started = await start();
    if (started.ok || !mayHeal(started.failure)) return started;
    waits(started.failure);
    await sleep(Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(attempt, 10)) * (1 + Math.random() / 5));
  }
}
