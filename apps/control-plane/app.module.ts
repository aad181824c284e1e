/** The Nest module: joins what `start.ts` made with the controllers. */
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import type { Logger } from 'pino';

import { EventsController } from './events/events.controller.ts';
import { AccountGuard } from './http/account-guard.ts';
import { AuditTrail } from './http/audit-trail.ts';
import { Authenticator } from './http/authenticator.ts';
import { controllers, registryControllers } from './http/controllers.ts';
import { EtagInterceptor } from './http/etag.ts';
import { FailureFilter } from './http/failure-filter.ts';
import { Idempotency } from './http/idempotency.ts';
import type { OidcIssuers } from './http/oidc-issuers.ts';
import type { Documents, Readiness } from './http/platform.controller.ts';
import { RateGuard } from './http/rate-guard.ts';
import { intakeToken, localAuthorityToken, documentsToken, planeToken, readinessToken } from './http/tokens.ts';
import type { Intake } from './intake/intake.ts';
import type { ControlPlane } from './plane.ts';
import type { LocalAuthority } from './schemas/local-authority.ts';

export interface ControlPlaneParts {
  readonly plane: ControlPlane;
  readonly intake: Intake;
  /** Null when an external registry is the authority: then `/registry` is not served. */
  readonly localAuthority: LocalAuthority | null;
  readonly readiness: Readiness;
  readonly documents: Documents;
  /** Whose tokens are taken; null for nobody's. */
  readonly issuers: OidcIssuers | null;
  /** Of one account, on this instance. */
  readonly requestsPerSecondMax: number;
  readonly logger: Logger;
}

// biome-ignore lint/complexity/noStaticOnlyClass: Nest modules are classes.
export class AppModule {
  static of(parts: ControlPlaneParts): DynamicModule {
    const { plane } = parts;
    const served = [...controllers, EventsController];
    return {
      module: AppModule,
      controllers: parts.localAuthority === null ? served : [...served, ...registryControllers],
      providers: [
        { provide: planeToken, useValue: plane },
        { provide: intakeToken, useValue: parts.intake },
        { provide: localAuthorityToken, useValue: parts.localAuthority },
        { provide: readinessToken, useValue: parts.readiness },
        { provide: documentsToken, useValue: parts.documents },
        {
          provide: APP_GUARD,
          inject: [Reflector],
          useFactory: (reflector: Reflector) => new AccountGuard(reflector, new Authenticator(plane.database, parts.issuers)),
        },
        { provide: APP_GUARD, useValue: new RateGuard(parts.requestsPerSecondMax) },
        // From the outside in: what a retry is answered is noted as well, and an ETag is of what a handler answers.
        { provide: APP_INTERCEPTOR, useValue: new AuditTrail(plane.database) },
        { provide: APP_INTERCEPTOR, useValue: new Idempotency(plane.database, plane.vault) },
        { provide: APP_INTERCEPTOR, useValue: new EtagInterceptor() },
        { provide: APP_FILTER, useValue: new FailureFilter(parts.logger) },
      ],
    };
  }
}
