/** The HTTP side of link: streams for subscribers, and health, readiness and status for operators. */
import type { DynamicModule } from '@nestjs/common';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import type { Deliveries } from './deliveries.ts';
import type { DeliveryStatus } from './delivery.ts';
import { StreamsController, streamsToken } from './streams/streams.controller.ts';
import type { Streams } from './streams/streams.ts';

const deliveriesToken = Symbol('deliveries');

@Controller()
class LinkController {
  readonly #deliveries: Pick<Deliveries, 'status'>;
  readonly #streams: Pick<Streams, 'status'>;

  constructor(@Inject(deliveriesToken) deliveries: Deliveries, @Inject(streamsToken) streams: Streams) {
    this.#deliveries = deliveries;
    this.#streams = streams;
  }

  @Get('health')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Link is ready once it has read the directives, whatever the platforms do. */
  @Get('ready')
  ready(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('status')
  status(): { deliveries: readonly DeliveryStatus[]; streams: Readonly<Record<string, number>> } {
    return { deliveries: this.#deliveries.status(), streams: this.#streams.status() };
  }
}

@Module({})
export class AppModule {
  static of(deliveries: Deliveries, streams: Streams): DynamicModule {
    return {
      module: AppModule,
      controllers: [LinkController, StreamsController],
      providers: [
        { provide: deliveriesToken, useValue: deliveries },
        { provide: streamsToken, useValue: streams },
      ],
    };
  }
}
