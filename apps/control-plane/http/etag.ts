/** ETags on answers, `If-None-Match` and `If-Match` (RFC 9110, section 13.1). */
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { createParamDecorator } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { map } from 'rxjs';

import { etagOf, namesEtag } from '../etag.ts';
import type { RouteDescription } from './describe.ts';
import { routeDescription } from './describe.ts';

/** The header `If-Match` of the request; null without one. */
export const IfMatch = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | null =>
    context.switchToHttp().getRequest<FastifyRequest>().headers['if-match'] ?? null,
);

/** Puts the ETag on answers of routes that have one, and answers 304 where the caller knows it. */
export class EtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const description = Reflect.getMetadata(routeDescription, context.getHandler()) as RouteDescription | undefined;
    if (description?.etag !== true) return next.handle();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map((body: unknown) => {
        const etag = etagOf(body);
        reply.header('etag', etag);
        // What is answered depends on these, for whoever keeps it.
        reply.header('vary', 'authorization, accept');
        const known = request.headers['if-none-match']?.replaceAll('W/', '');
        if (request.method !== 'GET' || known === undefined || !namesEtag(known, etag)) return body;
        reply.status(304);
        return undefined;
      }),
    );
  }
}
