/** Gives every answer under `/registry` its media type. */
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';

import { registryMediaType } from './registry-error.ts';

export class RegistryReply implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    context.switchToHttp().getResponse<FastifyReply>().type(registryMediaType);
    return next.handle();
  }
}

/** `?deleted=true` and the like. */
export const isTrue = (value: unknown): boolean => value === 'true' || value === '';
