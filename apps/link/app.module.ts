/** The HTTP side of link: streams for subscribers, and health, readiness and status for operators. */
import type { DynamicModule } from '@nestjs/common';
import { Controller, Get, Inject, Module, ServiceUnavailableException } from '@nestjs/common';
import type { DeliveryStatus } from './delivery.ts';
import type { LinkState } from './link-state.ts';
import { StreamsController, streamsToken } from './streams/streams.controller.ts';
import type { Streams } from './streams/streams.ts';

const stateToken = Symbol('state of link');

@Controller()
class LinkController {
  readonly #state: LinkState;
  readonly #streams: Pick<Streams, 'status'>;

  constructor(@Inject(stateToken) state: LinkState, @Inject(streamsToken) streams: Streams) {
    this.#state = state;
    this.#streams = streams;
  }

  @Get('health')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Link is ready once it has read the directives, whatever the platforms do; until then 503, with the reason. */
  @Get('ready')
  ready(): { status: 'ok' } {
    const detail = this.#state.waitsFor;
    if (detail !== undefined)
      throw new ServiceUnavailableException({ status: 'not ready', reasons: [{ reason: 'not-started', detail }] });
    return { status: 'ok' };
  }

  @Get('status')
  status(): { deliveries: readonly DeliveryStatus[]; streams: Readonly<Record<string, number>> } {
    return { deliveries: this.#state.status(), streams: this.#streams.status() };
  }
}

@Module({})
export class AppModule {
  static of(state: LinkState, streams: Streams): DynamicModule {
    return {
      module: AppModule,
      controllers: [LinkController, StreamsController],
      providers: [
        { provide: stateToken, useValue: state },
        { provide: streamsToken, useValue: streams },
      ],
    };
  }
}
