/** A request to the broker that coordinates a group or a transactional id, asked again while that passes and while the role moves. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../base/index.ts';
import { during, ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { backOffMs, codeFailure, codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { RecordLinks } from './record-links.ts';
import type { WireCall } from './wire-call.ts';

export interface CoordinatorRequest<Q, A> {
  readonly cluster: Cluster;
  readonly links: RecordLinks;
  readonly kind: 'group' | 'transaction';
  /** The group or the transactional id. */
  readonly key: string;
  readonly call: WireCall<Q, A>;
  readonly question: Q;
  readonly codeOf: (answer: A) => number;
  /** In gerund form, for the failure. */
  readonly action: string;
}

/** An answer that does not come within this is a failure, whatever was tried meanwhile. */
const deadlineMs = 30_000;

export async function askCoordinator<Q, A>(request: CoordinatorRequest<Q, A>): Promise<Result<A>> {
  const { cluster, links, kind, key, call, question, codeOf, action } = request;
  const deadline = Date.now() + deadlineMs;
  for (let attempt = 0; ; attempt += 1) {
    let code: number = kafkaCodes.networkException;
    try {
      const node = await cluster.coordinator(kind, key);
      const answered = await links.request(node, call, question);
      if (answered.ok) {
        code = codeOf(answered.value);
        if (code === kafkaCodes.none) return answered;
      } else if (!answered.failure.retriable) return during(action, answered.failure);
    } catch (error) {
      code = codeOfError(error) ?? kafkaCodes.networkException;
    }
    if (!isPassing(code) || Date.now() > deadline) return codeFailure(code, action);
    if (code !== kafkaCodes.concurrentTransactions) cluster.forgetCoordinator(kind, key);
    await sleep(backOffMs(code, attempt));
  }
}

/** The same at any broker: for an idempotent producer id. */
export async function askAnyone<Q, A>(request: Omit<CoordinatorRequest<Q, A>, 'cluster' | 'kind' | 'key'>): Promise<Result<A>> {
  const { links, call, question, codeOf, action } = request;
  const deadline = Date.now() + deadlineMs;
  for (let attempt = 0; ; attempt += 1) {
    const answered = await links.request('any', call, question);
    const code = answered.ok ? codeOf(answered.value) : kafkaCodes.networkException;
    if (answered.ok && code === kafkaCodes.none) return ok(answered.value);
    if (!answered.ok && (!answered.failure.retriable || Date.now() > deadline)) return during(action, answered.failure);
    if (!isPassing(code) || Date.now() > deadline) return codeFailure(code, action);
    await sleep(backOffMs(code, attempt));
  }
}
