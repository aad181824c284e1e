/** An address whose credentials were refused too often waits, before Kafka is asked about another one. */
import type { FastifyInstance } from 'fastify';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { fail, problemMediaType, problemOf } from '../../../libs/base/index.ts';

const refusedMax = 30;
const windowSeconds = 60;

export function limitGuessing(fastify: FastifyInstance): void {
  const refused = new RateLimiterMemory({ points: refusedMax, duration: windowSeconds });
  fastify.addHook('onRequest', async (request, reply) => {
    const state = request.headers.authorization === undefined ? null : await refused.get(request.ip);
    if (state === null || state.consumedPoints < refusedMax) return;
    const problem = problemOf(fail('rate-limited', 'too many refused credentials').failure);
    await reply
      .status(problem.status)
      .header('retry-after', Math.max(1, Math.ceil(state.msBeforeNext / 1_000)))
      .type(problemMediaType)
      .send(JSON.stringify(problem));
  });
  fastify.addHook('onResponse', async (request, reply) => {
    // Over the limit it throws what `get` tells the next request.
    if (reply.statusCode === 401 && request.headers.authorization !== undefined)
      await refused.consume(request.ip).catch(() => undefined);
  });
}
