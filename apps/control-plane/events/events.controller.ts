/** Stores the lifecycle events of all apps, each once. */
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, KafkaRetriableException, Payload } from '@nestjs/microservices';

import { topicNames } from '../../../libs/base/index.ts';
import { planeToken } from '../http/tokens.ts';
import type { ControlPlane } from '../plane.ts';
import { cloudEvent } from './cloud-event.ts';

@Controller()
export class EventsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  /** What is not one of our events is passed over; a database that does not answer makes the record come again. */
  @EventPattern(topicNames.events)
  async store(@Payload() payload: unknown): Promise<void> {
    const event = cloudEvent.safeParse(payload);
    if (!event.success) return;
    const { id, source, type, subject, time, data } = event.data;
    const row = { id, source, type, subject, time: new Date(time), data: data ?? null, sent: true };
    const stored = await this.#plane.database.stores.events.add(row);
    if (!stored.ok && stored.failure.retriable) throw new KafkaRetriableException(stored.failure.message);
  }
}
