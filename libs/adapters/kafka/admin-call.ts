/** One administrative request, repeated while its error passes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { codeFailure, codeOfError, isPassing } from './kafka-codes.ts';

const attemptsMax = 40;
const pauseMs = 50;

/** Sends until it is answered. An error of `tolerated` is a success; one that passes is waited out for about two seconds. */
export async function adminCall(
  cluster: Cluster,
  tolerated: readonly number[],
  action: string,
  request: () => Promise<unknown>,
): Promise<Result<void>> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await request();
      return ok(undefined);
    } catch (error) {
      const codes = codesOf(error);
      const bad = codes.filter((code) => !tolerated.includes(code));
      if (codes.length > 0 && bad.length === 0) return ok(undefined);
      if (codes.length === 0) return cluster.failureOf(error, action);
      const lasting = bad.find((code) => !isPassing(code));
      if (lasting !== undefined || attempt >= attemptsMax) return codeFailure(lasting ?? (bad[0] as number), action);
    }
    await sleep(pauseMs);
  }
}

/** Every error code in an answer of several parts. */
function codesOf(error: unknown): number[] {
  if (typeof error !== 'object' || error === null) return [];
  if ('apiCode' in error && typeof error.apiCode === 'number') return [error.apiCode];
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.flatMap(codesOf);
  const code = codeOfError(error);
  return code === undefined ? [] : [code];
}
