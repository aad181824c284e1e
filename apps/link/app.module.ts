/** The Nest application around link when it is a process of its own: health, readiness and status over HTTP. */
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { Controller, Get, HttpCode, Inject, Module } from '@nestjs/common';
import type { DeliveryStatus } from './delivery.ts';
import type { Link } from './start.ts';

const linkToken = Symbol('link');

@Controller()
class LinkController implements OnApplicationShutdown {
  readonly #link: Link;

  constructor(@Inject(linkToken) link: Link) {
    this.#link = link;
  }

  @Get('health')
  @HttpCode(200)
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Link is ready once it has read the directives, whatever the platforms do. */
  @Get('ready')
  @HttpCode(200)
  ready(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('status')
  status(): { deliveries: readonly DeliveryStatus[] } {
    return { deliveries: this.#link.status() };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#link.stop();
  }
}

@Module({})
export class AppModule {
  static with(link: Link): DynamicModule {
    return { module: AppModule, controllers: [LinkController], providers: [{ provide: linkToken, useValue: link }] };
  }
}
