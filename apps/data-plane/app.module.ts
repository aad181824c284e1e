import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { GovernController } from './govern.controller.ts';
import type { Telemetry } from '../../libs/telemetry/index.ts';
import { HealthController, measured, running } from './health.controller.ts';
import type { ShownPlane } from './starting-plane.ts';

/** The microservice: the handler of record batches. */
@Module({ controllers: [GovernController] })
export class DataPlaneModule {}

/** The HTTP side of a data plane that is a process of its own: health and figures alone. */
@Module({})
export class HealthModule {
  static with(plane: ShownPlane, telemetry: Telemetry): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: running, useValue: plane },
        { provide: measured, useValue: telemetry },
      ],
    };
  }
}
