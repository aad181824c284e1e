/** Health, readiness, figures and the state of each feed, for operators and what watches for them; no record's value. */
import { Controller, Get, Header, Inject, ServiceUnavailableException } from '@nestjs/common';
import type { Telemetry } from '../../libs/telemetry/index.ts';
import { metricsTextType } from '../../libs/telemetry/index.ts';
import type { Readiness } from './readiness.ts';
import type { ShownPlane } from './starting-plane.ts';

/** Injection tokens of the running data plane, and of what gathers its figures. */
export const running = Symbol('running data plane');
export const measured = Symbol('figures of the data plane');

@Controller()
export class HealthController {
  readonly #plane: ShownPlane;
  readonly #telemetry: Telemetry;

  constructor(@Inject(running) plane: ShownPlane, @Inject(measured) telemetry: Telemetry) {
    this.#plane = plane;
    this.#telemetry = telemetry;
  }

  /** The process answers, and has not stood still for long. */
  @Get('health')
  health(): { status: 'ok' } {
    if (!this.#plane.healthy()) throw new ServiceUnavailableException({ status: 'blocked' });
    return { status: 'ok' };
  }

  /** Every feed is read, or 503 with the reasons why not. */
  @Get('ready')
  ready(): { status: 'ok' } & Pick<Readiness, 'standby' | 'waiting'> {
    const { reasons, ...told } = this.#plane.readiness();
    if (reasons.length > 0) throw new ServiceUnavailableException({ status: 'not ready', reasons, ...told });
    return { status: 'ok', ...told };
  }

  @Get('status')
  status(): unknown {
    return this.#plane.status().map((feed) => ({ ...feed, agreements: Object.fromEntries(feed.agreements) }));
  }

  @Get('metrics')
  @Header('Content-Type', metricsTextType)
  metrics(): Promise<string> {
    return this.#telemetry.metricsText();
  }
}
