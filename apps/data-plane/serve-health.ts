/** The HTTP side of a data plane that is a process of its own. Apart from the rest because it is loaded after the first records have gone. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Telemetry } from '../../libs/telemetry/index.ts';
import { HealthModule } from './app.module.ts';
import type { ShownPlane } from './starting-plane.ts';

interface HealthServer {
  /** `http://host:port` */
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves `/health`, `/ready`, `/status` and `/metrics`. Throws when the address cannot be listened on. */
export async function serveHealth(
  plane: ShownPlane,
  telemetry: Telemetry,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HealthServer> {
  const app = await NestFactory.create(HealthModule.with(plane, telemetry), new FastifyAdapter(), { logger: ['error', 'warn'] });
  await app.listen(port, host);
  return { url: await app.getUrl(), stop: () => app.close() };
}
