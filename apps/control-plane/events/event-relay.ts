/** Sends stored lifecycle events to `sluice.events` by Nest's Kafka transport, as CloudEvents 1.0 in JSON, in the order in which they were written. */
import type { ClientKafka } from '@nestjs/microservices';
import { lastValueFrom, timeout } from 'rxjs';

import type { Database, EventRow } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { CloudEvent } from './cloud-event.ts';

const sendTimeoutMs = 10_000;
const retryMs = 5_000;
const batchMax = 50;
/** Instances take turns: two that send at once could swap the events of one thing. */
const relayLock = 'events/relay';

export class EventRelay {
  readonly #database: Database;
  readonly #client: ClientKafka;
  readonly #warn: (sentence: string) => void;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, client: ClientKafka, warn: (sentence: string) => void) {
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
      const sent = await this.#database.locked(relayLock, () => this.#sendBatch());
      if (!sent.ok) return this.#later();
      if (sent.value === batchMax) this.#again = true;
    }
  }

  /** How many were sent. One that was sent and not noted is sent again: whoever takes it knows it by its source and id. */
  async #sendBatch(): Promise<Result<number>> {
    const { events } = this.#database.stores;
    const unsent = await events.unsent(batchMax);
    if (!unsent.ok) return unsent;
    if (unsent.value.length === 0) return ok(0);
    try {
      // The partition is set: kafkajs may lose a keyless record, or one without partition, when a broker fails once.
      const messages = unsent.value.map((row) => ({ key: row.subject, value: cloudEventOf(row), partition: 0, headers: {} }));
      await lastValueFrom(this.#client.emitBatch(topicNames.events, { messages }).pipe(timeout(sendTimeoutMs)), {
        defaultValue: undefined,
      });
    } catch {
      return fail('broker-unreachable', 'sending lifecycle events');
    }
    const noted = await events.markSent(unsent.value.map(({ sequence }) => sequence));
    return noted.ok ? ok(unsent.value.length) : noted;
  }

  #later(): void {
    if (this.#stopped) return;
    this.#warn('lifecycle events wait to be sent');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), retryMs);
    this.#timer.unref();
  }
}

function cloudEventOf({ id, source, type, subject, time, data, sequence }: EventRow): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source,
    type,
    subject,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    sequence: sequence.padStart(sequenceDigits, '0'),
    data,
  };
}

/** Digits of the largest bigint. */
const sequenceDigits = 19;
