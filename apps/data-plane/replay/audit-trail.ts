/** The topic `sluice.audit`: who redrove what, and each sealed original before it is opened. One JSON object a record, key = the redrive's id. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, topicNames } from '../../../libs/base/index.ts';

export type AuditEntry =
  | { readonly action: 'replay-begun'; readonly selection: object; readonly selected: number }
  | { readonly action: 'replay-ended'; readonly counts: object }
  /** Written before the original is opened: an attempt that fails is here too. */
  | { readonly action: 'original-opened'; readonly partition: number; readonly offset: string };

export interface AuditOptions {
  readonly replay: string;
  readonly dataset: string;
  readonly agreement: string;
  /** The Kafka account that acts. */
  readonly account: string;
}

export class AuditTrail {
  readonly #cluster: Cluster;
  readonly #options: AuditOptions;
  #producer: TransactionalProducer | undefined;

  constructor(cluster: Cluster, options: AuditOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Resolves once the entries are committed. */
  async write(entries: readonly AuditEntry[]): Promise<Result<void>> {
    if (entries.length === 0) return { ok: true, value: undefined };
    const action = 'writing the audit trail';
    if (this.#producer?.usable !== true) {
      // An id of this redrive alone: a preview must not end the redrive that is under way.
      const transactionalId = `sluice.audit.${this.#options.replay}`;
      const opened = await TransactionalProducer.open(this.#cluster, { transactionalId });
      if (!opened.ok) return during(action, opened.failure);
      this.#producer = opened.value;
    }
    const at = new Date().toISOString();
    this.#producer.begin();
    const sent = await this.#producer.send(
      topicNames.audit,
      0,
      entries.map((entry) => ({
        key: Buffer.from(this.#options.replay),
        value: Buffer.from(JSON.stringify({ version: 1, at, ...this.#options, ...entry })),
      })),
    );
    const committed = sent.ok ? await this.#producer.commit() : sent;
    return committed.ok ? committed : during(action, committed.failure);
  }

  async close(): Promise<void> {
    await this.#producer?.close();
  }
}
