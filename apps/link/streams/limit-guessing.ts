/** An address whose credentials were refused too often waits, before Kafka is asked about another one. */
import type { FastifyInstance } from 'fastify';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { errorCatalogue } from '../../../libs/base/index.ts';

const refusedMax = 30;
const windowSeconds = 60;

export function limitGuessing(fastify: FastifyInstance): void {
  const refused = new RateLimiterMemory({ points: refusedMax, duration: windowSeconds });
  fastify.addHook('onRequest', async (request, reply) => {
    const state = request.headers.authorization === undefined ? null : await refused.get(request.ip);
    if (state === null || state.consumedPoints < refusedMax) return;
    const { status, meaning } = errorCatalogue['rate-limited'];
    await reply
      .status(status)
      .header('retry-after', Math.max(1, Math.ceil(state.msBeforeNext / 1_000)))
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: 'urn:sluice:error:rate-limited',
          title: meaning,
          status,
          detail: 'too many refused credentials',
          code: 'rate-limited',
          retriable: true,
        }),
      );
  });
  fastify.addHook('onResponse', async (request, reply) => {
    // Over the limit it throws what `get` tells the next request.
    if (reply.statusCode === 401 && request.headers.authorization !== undefined)
      await refused.consume(request.ip).catch(() => undefined);
  });
}
