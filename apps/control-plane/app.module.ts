/** The Nest module: joins what `start.ts` made with the controllers. */
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import type { Logger } from 'pino';

import { EventsController } from './events/events.controller.ts';
import { AccountGuard } from './http/account-guard.ts';
import { AgreementsController } from './http/agreements.controller.ts';
import { Authenticator } from './http/authenticator.ts';
import { CatalogController } from './http/catalog.controller.ts';
import { FailureFilter } from './http/failure-filter.ts';
import type { Readiness } from './http/platform.controller.ts';
import { PlatformController } from './http/platform.controller.ts';
import { RecordsController } from './http/records.controller.ts';
import { RegistryConfigController } from './http/registry-config.controller.ts';
import { RegistrySchemasController } from './http/registry-schemas.controller.ts';
import { RegistrySubjectsController } from './http/registry-subjects.controller.ts';
import { intakeToken, localAuthorityToken, openApiToken, planeToken, readinessToken } from './http/tokens.ts';
import type { Intake } from './intake/intake.ts';
import type { ControlPlane } from './plane.ts';
import type { LocalAuthority } from './schemas/local-authority.ts';

export interface ControlPlaneParts {
  readonly plane: ControlPlane;
  readonly intake: Intake;
  /** Null when an external registry is the authority: then `/registry` is not served. */
  readonly localAuthority: LocalAuthority | null;
  readonly readiness: Readiness;
  readonly openApi: { readonly document: unknown };
  readonly logger: Logger;
}

const registryControllers = [RegistrySchemasController, RegistrySubjectsController, RegistryConfigController];

// biome-ignore lint/complexity/noStaticOnlyClass: Nest modules are classes.
export class AppModule {
  static of(parts: ControlPlaneParts): DynamicModule {
    const controllers = [PlatformController, CatalogController, AgreementsController, RecordsController, EventsController];
    return {
      module: AppModule,
      controllers: parts.localAuthority === null ? controllers : [...controllers, ...registryControllers],
      providers: [
        { provide: planeToken, useValue: parts.plane },
        { provide: intakeToken, useValue: parts.intake },
        { provide: localAuthorityToken, useValue: parts.localAuthority },
        { provide: readinessToken, useValue: parts.readiness },
        { provide: openApiToken, useValue: parts.openApi },
        {
          provide: APP_GUARD,
          inject: [Reflector],
          useFactory: (reflector: Reflector) => new AccountGuard(reflector, new Authenticator(parts.plane.database)),
        },
        { provide: APP_FILTER, useValue: new FailureFilter(parts.logger) },
      ],
    };
  }
}
