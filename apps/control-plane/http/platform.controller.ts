/** Health, readiness, the OpenAPI document and the newest lifecycle events. */
import { Controller, Get, Inject } from '@nestjs/common';

import type { EventRow } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, OpenRoute } from './account-guard.ts';
import { openApiToken, planeToken, readinessToken } from './tokens.ts';

const eventsMax = 200;

/** Asks what the role cannot work without; a failure names what does not answer. */
export type Readiness = () => Promise<Result<void>>;

@Controller()
export class PlatformController {
  readonly #plane: ControlPlane;
  readonly #readiness: Readiness;
  readonly #openApi: unknown;

  constructor(
    @Inject(planeToken) plane: ControlPlane,
    @Inject(readinessToken) readiness: Readiness,
    @Inject(openApiToken) openApi: { readonly document: unknown },
  ) {
    this.#plane = plane;
    this.#readiness = readiness;
    this.#openApi = openApi.document;
  }

  /** The process answers. */
  @Get('health')
  @OpenRoute()
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** PostgreSQL and Kafka answer too. */
  @Get('ready')
  @OpenRoute()
  async ready(): Promise<{ status: 'ok' }> {
    unwrap(await this.#readiness());
    return { status: 'ok' };
  }

  @Get('v1/openapi.json')
  @OpenRoute()
  openApi(): unknown {
    return this.#openApi;
  }

  @Get('v1/events')
  async events(@CurrentCaller() caller: Caller): Promise<Omit<EventRow, 'sent'>[]> {
    unwrap(requireOperator(caller));
    const events = unwrap(await this.#plane.database.stores.events.latest(eventsMax));
    return events.map(({ id, source, type, subject, time, data }) => ({ id, source, type, subject, time, data }));
  }
}
