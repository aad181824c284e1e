/** Notes each write, and each read of a clear value, before it happens, and what became of it after. What cannot be noted does not happen. */
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { concatMap, catchError, from, map, throwError } from 'rxjs';

import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { callerOf } from './account-guard.ts';
import type { RouteDescription } from './describe.ts';
import { routeDescription } from './describe.ts';
import { statusOfError } from './failure-filter.ts';

/** A path's parameter is cut at this length. */
const targetCharactersMax = 300;

export class AuditTrail implements NestInterceptor {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = callerOf(request);
    const description = Reflect.getMetadata(routeDescription, context.getHandler()) as RouteDescription | undefined;
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    if (caller === undefined || !(isWrite || description?.showsClear === true)) return next.handle();
    const { trail } = this.#database.stores;
    const entry = unwrap(
      await trail.begin({
        account: caller.account,
        participant: caller.participant,
        route: description?.id ?? `${request.method} ${request.routeOptions.url ?? ''}`,
        target: targetOf(request.params),
      }),
    );
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      concatMap((body: unknown) => from(trail.complete(entry, reply.statusCode)).pipe(map(() => body))),
      catchError((error: unknown) =>
        from(trail.complete(entry, statusOfError(error))).pipe(concatMap(() => throwError(() => error))),
      ),
    );
  }
}

function targetOf(params: unknown): Record<string, string> {
  if (typeof params !== 'object' || params === null) return {};
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, String(value).replaceAll('\0', '').slice(0, targetCharactersMax)]),
  );
}
