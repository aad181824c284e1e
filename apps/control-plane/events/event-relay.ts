/** Sends stored lifecycle events to `sluice.events` by Nest's Kafka transport, as CloudEvents 1.0 in JSON. */
import type { ClientKafkaProxy } from '@nestjs/microservices';
import { lastValueFrom, timeout } from 'rxjs';

import type { Database, EventRow } from '../../../libs/adapters/postgres/index.ts';
import { topicNames } from '../../../libs/base/index.ts';
import type { CloudEvent } from './cloud-event.ts';

const sendTimeoutMs = 10_000;
const retryMs = 5_000;
const batchMax = 50;

export class EventRelay {
  readonly #database: Database;
  readonly #client: ClientKafkaProxy;
  readonly #warn: (sentence: string) => void;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, client: ClientKafkaProxy, warn: (sentence: string) => void) {
    this.#database = database;
    this.#client = client;
    this.#warn = warn;
  }

  /** Sends what waits, soon. An event that cannot be sent now stays stored and is sent later. */
  wake(): void {
    this.#again = true;
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#client.close();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const unsent = await this.#database.stores.events.unsent(batchMax);
      if (!unsent.ok) return this.#later();
      for (const event of unsent.value) {
        if (!(await this.#send(event))) return this.#later();
      }
      if (unsent.value.length === batchMax) this.#again = true;
    }
  }

  async #send(row: EventRow): Promise<boolean> {
    try {
      // The partition is set: kafkajs may lose a keyless record, or one without partition, when a broker fails once.
      const message = { key: row.subject, value: cloudEventOf(row), partition: 0, headers: {} };
      await lastValueFrom(this.#client.emit(topicNames.events, message).pipe(timeout(sendTimeoutMs)), {
        defaultValue: undefined,
      });
    } catch {
      return false;
    }
    return (await this.#database.stores.events.markSent(row.source, row.id)).ok;
  }

  #later(): void {
    if (this.#stopped) return;
    this.#warn('lifecycle events wait to be sent');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), retryMs);
    this.#timer.unref();
  }
}

function cloudEventOf({ id, source, type, subject, time, data }: EventRow): CloudEvent {
  return { specversion: '1.0', id, source, type, subject, time: time.toISOString(), datacontenttype: 'application/json', data };
}
