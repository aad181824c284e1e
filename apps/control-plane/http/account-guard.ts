/** Lets only authenticated accounts through, except on routes marked open. */
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

import { FailureError, fail, unwrap } from '../../../libs/base/index.ts';
import type { Caller } from '../plane.ts';
import type { Authenticator } from './authenticator.ts';

const openRoute = 'sluice:open-route';

/** Marks a controller or route that needs no account. */
export const OpenRoute = (): ClassDecorator & MethodDecorator => SetMetadata(openRoute, true);

const callers = new WeakMap<FastifyRequest, Caller>();

export class AccountGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: Authenticator;

  constructor(reflector: Reflector, authenticator: Authenticator) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    if (this.#reflector.getAllAndOverride<boolean | undefined>(openRoute, [context.getHandler(), context.getClass()]) === true)
      return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // A browser that remembers the credentials must not act for another site's page.
    if (request.headers['sec-fetch-site'] === 'cross-site')
      throw new FailureError(fail('forbidden', 'cross-site requests are refused').failure);
    callers.set(request, unwrap(await this.#authenticator.authenticate(request.headers.authorization)));
    return true;
  }
}

/** The authenticated account of the request. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new Error('an open route has no caller');
  return caller;
});
