/** Bounds what one account, and one address that guesses secrets, may ask for. Each instance counts by itself. */
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

import { FailureError, fail } from '../../../libs/base/index.ts';
import { callerOf } from './account-guard.ts';
import { answerError } from './failure-filter.ts';

/** Refused credentials from one address within a minute before it has to wait. */
const refusedMax = 30;
const refusedWindowSeconds = 60;
/** A second's budget is counted over this many seconds, so that a page that asks for much at once is not cut off. */
const windowSeconds = 10;

/** Runs after the account guard: what nobody may ask is not counted against anybody. */
export class RateGuard implements CanActivate {
  readonly #limiter: RateLimiterMemory;

  constructor(requestsPerSecondMax: number) {
    this.#limiter = new RateLimiterMemory({ points: requestsPerSecondMax * windowSeconds, duration: windowSeconds });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const caller = callerOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (caller === undefined) return true;
    const waitMs = await taken(this.#limiter, caller.account);
    if (waitMs === null) return true;
    context.switchToHttp().getResponse<FastifyReply>().header('retry-after', secondsOf(waitMs));
    throw new FailureError(fail('rate-limited', `account ${caller.account} asks for too much at once`).failure);
  }
}

/** An address whose credentials were refused too often is answered before any secret is looked at. */
export function limitGuessing(fastify: FastifyInstance, logger: Logger): void {
  const limiter = new RateLimiterMemory({ points: refusedMax, duration: refusedWindowSeconds });
  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.headers.authorization === undefined) return;
    const state = await limiter.get(request.ip);
    if (state === null || state.consumedPoints < refusedMax) return;
    reply.header('retry-after', secondsOf(state.msBeforeNext));
    answerError(new FailureError(fail('rate-limited', 'too many refused credentials').failure), request, reply, logger);
  });
  fastify.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    if (reply.statusCode === 401 && request.headers.authorization !== undefined) await taken(limiter, request.ip);
  });
}

/** Null when a point was left, else the milliseconds until there is one. */
async function taken(limiter: RateLimiterMemory, key: string): Promise<number | null> {
  try {
    await limiter.consume(key);
    return null;
  } catch (error) {
    if (error instanceof RateLimiterRes) return error.msBeforeNext;
    throw error;
  }
}

const secondsOf = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));
