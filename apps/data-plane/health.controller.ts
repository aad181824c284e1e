/** Health, readiness and the state of each feed, for operators; no record's value. */
import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import type { DataPlane } from './start.ts';

/** Injection token of the running data plane. */
export const running = Symbol('running data plane');

@Controller()
export class HealthController {
  readonly #plane: DataPlane;

  constructor(@Inject(running) plane: DataPlane) {
    this.#plane = plane;
  }

  /** The process answers. */
  @Get('health')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Directives are current and no feed is failing. */
  @Get('ready')
  ready(): { status: 'ok' } {
    if (!this.#plane.ready()) throw new ServiceUnavailableException({ status: 'not ready' });
    return { status: 'ok' };
  }

  @Get('status')
  status(): unknown {
    return this.#plane.status().map((feed) => ({ ...feed, agreements: Object.fromEntries(feed.agreements) }));
  }
}
