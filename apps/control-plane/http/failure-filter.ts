/** The one place where a thrown thing becomes an HTTP answer: problem+json, or the registry's form under `/registry`. */
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

import type { Failure } from '../../../libs/base/index.ts';
import { errorCatalogue, FailureError, fail, problemMediaType, problemOf } from '../../../libs/base/index.ts';
import { RegistryError, registryErrorOf, registryMediaType } from './registry-error.ts';

@Catch()
export class FailureFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    answerError(error, request, reply, this.#logger);
  }
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const registry = error instanceof RegistryError ? error : null;
  const failure = registry === null ? failureOf(error) : null;
  if (failure?.code === 'internal') {
    // The route, not the URL: a query may hold anything.
    logger.error(
      { route: request.routeOptions.url ?? '', err: error instanceof Error ? withoutValues(error) : 'thrown' },
      'request failed',
    );
  }
  if (failure?.code === 'unauthenticated') reply.header('www-authenticate', 'Basic realm="sluice", charset="UTF-8"');
  if (failure?.retriable === true) reply.header('retry-after', '1');
  if (request.url.startsWith('/registry')) {
    const answer = registry ?? registryErrorOf(failure as Failure);
    const body = JSON.stringify({ error_code: answer.errorCode, message: answer.message });
    reply.status(answer.status).type(registryMediaType).send(body);
    return;
  }
  const problem = problemOf(failure ?? fail('internal', 'no such route').failure);
  reply.status(problem.status).type(problemMediaType).send(JSON.stringify(problem));
}

/** The status that an error is answered with. */
export function statusOfError(error: unknown): number {
  return error instanceof RegistryError ? error.status : errorCatalogue[failureOf(error).code].status;
}

function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  if (error instanceof HttpException && error.getStatus() === 404) return fail('not-found', 'there is no such route').failure;
  const status = statusOf(error);
  if (status === 413) return fail('request-too-large', 'the request is over the limit').failure;
  if (status === 415) return fail('media-type-unsupported', 'the content type is not supported').failure;
  if (status !== null && status >= 400 && status < 500) return fail('request-invalid', 'the request is malformed').failure;
  return fail('internal', 'the request failed').failure;
}

/** Status of an error of Nest or fastify. */
function statusOf(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : null;
  return typeof status === 'number' ? status : null;
}

/** Name and stack without the message: a library's sentence may quote its input. */
function withoutValues(error: Error): { name: string; stack: string } {
  const frames = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return { name: error.name, stack: frames.join('\n') };
}
