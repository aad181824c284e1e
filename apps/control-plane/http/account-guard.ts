/** Lets only authenticated accounts through, except on routes marked open, and an API key only where it has the scope of the route. */
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

import type { Result } from '../../../libs/base/index.ts';
import { FailureError, fail, ok, unwrap } from '../../../libs/base/index.ts';
import type { Caller } from '../plane.ts';
import type { Scope } from '../scope.ts';
import type { Authenticator } from './authenticator.ts';

export const openRoute = 'sluice:open-route';
export const neededScope = 'sluice:needed-scope';

/** Marks a controller or route that needs no account. */
export const OpenRoute = (): ClassDecorator & MethodDecorator => SetMetadata(openRoute, true);

/** The scope that an API key needs for a controller or route. Without this mark no API key may use it. */
export const NeedsScope = (scope: Scope): ClassDecorator & MethodDecorator => SetMetadata(neededScope, scope);

const callers = new WeakMap<FastifyRequest, Caller>();

/** Who sent a request; undefined on an open route. */
export const callerOf = (request: FastifyRequest): Caller | undefined => callers.get(request);

export class AccountGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: Authenticator;

  constructor(reflector: Reflector, authenticator: Authenticator) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    if (this.#noted<boolean>(openRoute, context) === true) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // A browser that remembers the credentials must not act for another site's page.
    if (request.headers['sec-fetch-site'] === 'cross-site')
      throw new FailureError(fail('forbidden', 'cross-site requests are refused').failure);
    const caller = unwrap(await this.#authenticator.authenticate(request.headers.authorization));
    unwrap(checkScope(caller, this.#noted<Scope>(neededScope, context)));
    callers.set(request, caller);
    return true;
  }

  #noted<T>(mark: string, context: ExecutionContext): T | undefined {
    return this.#reflector.getAllAndOverride<T | undefined>(mark, [context.getHandler(), context.getClass()]);
  }
}

/** A route that names no scope is only for credentials that are not limited. */
function checkScope({ scopes }: Caller, needed: Scope | undefined): Result<void> {
  if (scopes === 'all') return ok(undefined);
  if (needed === undefined) return fail('forbidden', 'an API key may not do this; use the account itself');
  return scopes.includes(needed) ? ok(undefined) : fail('forbidden', `the API key does not have the scope ${needed}`);
}

/** The authenticated account of the request. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new Error('an open route has no caller');
  return caller;
});
