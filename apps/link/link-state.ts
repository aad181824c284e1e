/** What link shows of itself from the first moment on: until it has started, that it waits, and for what. */
import type { Failure } from '../../libs/base/index.ts';
import type { Deliveries } from './deliveries.ts';
import type { DeliveryStatus } from './delivery.ts';

export class LinkState {
  #deliveries: Pick<Deliveries, 'status'> | undefined;
  #reason = 'it is connecting to Kafka';

  /** It could not start yet, and tries again. */
  wait({ message }: Failure): void {
    this.#reason = message;
  }

  /** It has read the directives. */
  start(deliveries: Pick<Deliveries, 'status'>): void {
    this.#deliveries = deliveries;
  }

  /** Why it has not started; undefined once it has. */
  get waitsFor(): string | undefined {
    return this.#deliveries === undefined ? this.#reason : undefined;
  }

  status(): readonly DeliveryStatus[] {
    return this.#deliveries?.status() ?? [];
  }
}
