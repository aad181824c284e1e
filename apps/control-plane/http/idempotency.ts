/** `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): a retry with the same key and body gets the first answer and does nothing. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { catchError, concatMap, from, map, of, throwError } from 'rxjs';

import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Failure } from '../../../libs/base/index.ts';
import { FailureError, fail, unwrap } from '../../../libs/base/index.ts';
import type { KeyVault } from '../../../libs/catalog/index.ts';
import { callerOf } from './account-guard.ts';
import type { RouteDescription } from './describe.ts';
import { routeDescription } from './describe.ts';
import { withBody } from './read-body.ts';

/** How long an answer is kept, milliseconds. */
export const answersKeptMs = 24 * 60 * 60_000;

/** A request without an answer after this died with its process: twice the longest request, milliseconds. */
const abandonedAfterMs = 120_000;

/** Largest body that a retry is compared by, bytes: the largest that any route of JSON takes. */
const bodyBytesMax = 4 * 1024 * 1024;

type KeptAnswer = { readonly status: number; readonly body: unknown } | { readonly failure: Failure };

export class Idempotency implements NestInterceptor {
  readonly #database: Database;
  readonly #vault: KeyVault;

  constructor(database: Database, vault: KeyVault) {
    this.#database = database;
    this.#vault = vault;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const description = Reflect.getMetadata(routeDescription, context.getHandler()) as RouteDescription | undefined;
    const key = request.headers['idempotency-key'];
    const caller = callerOf(request);
    const isServed = request.method === 'POST' && description !== undefined && description.ownIdempotency !== true;
    if (key === undefined || caller === undefined || !isServed) return next.handle();
    checkIdempotencyKey(String(key));
    const digest = await digestOf(request);
    const known = unwrap(
      await this.#database.stores.trail.claim(
        { account: caller.account, key: String(key), digest },
        new Date(Date.now() - abandonedAfterMs),
      ),
    );
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    if (known === null) return this.#first(caller.account, String(key), reply, next);
    if (known.digest !== digest) throw failed('idempotency-key-reused', 'the Idempotency-Key was used for another request');
    if (known.answer === null) throw failed('request-in-progress', 'the first request with this Idempotency-Key is not done yet');
    const kept = unwrap(await this.#vault.unwrap(known.answer, contextOf(caller.account)));
    const answer = JSON.parse(Buffer.from(kept).toString('utf8')) as KeptAnswer;
    reply.header('idempotency-replayed', 'true');
    if ('failure' in answer) throw new FailureError(answer.failure);
    reply.status(answer.status);
    return of(answer.body);
  }

  #first(account: string, key: string, reply: FastifyReply, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      concatMap((body: unknown) => from(this.#keep(account, key, { status: reply.statusCode, body })).pipe(map(() => body))),
      catchError((error: unknown) => from(this.#keepFailure(account, key, error)).pipe(concatMap(() => throwError(() => error)))),
    );
  }

  /** What cannot be kept is not taken back: the work is done, and the first caller has its answer. */
  async #keep(account: string, key: string, answer: KeptAnswer): Promise<void> {
    const wrapped = await this.#vault.wrap(Buffer.from(JSON.stringify(answer)), contextOf(account));
    if (wrapped.ok) await this.#database.stores.trail.answer(account, key, wrapped.value);
  }

  /** A refusal for good is the answer; after anything else the same request may yet succeed. */
  async #keepFailure(account: string, key: string, error: unknown): Promise<void> {
    if (error instanceof FailureError && !error.failure.retriable) await this.#keep(account, key, { failure: error.failure });
    else await this.#database.stores.trail.release(account, key);
  }
}

/** Throws `request-invalid` for a key that is not 1 to 255 printable ASCII characters. */
export function checkIdempotencyKey(key: string): void {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key))
    throw failed('request-invalid', 'the Idempotency-Key must be 1 to 255 printable ASCII characters');
}

const contextOf = (account: string): string => `idempotency/${account}`;

/** Reads the body, and leaves it to the handler as if unread. */
async function digestOf(request: FastifyRequest): Promise<string> {
  const body = await withBody(request, bodyBytesMax, (bytes) => Promise.resolve(bytes));
  request.body = Readable.from(body.length === 0 ? [] : [body]);
  return createHash('sha256').update(`${request.method} ${request.url}\n`).update(body).digest('hex');
}

const failed = (...parts: Parameters<typeof fail>): FailureError => new FailureError(fail(...parts).failure);
