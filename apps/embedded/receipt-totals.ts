/** Follows `sluice.receipts` from its beginning and adds up the outcomes of each agreement. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { TopicReader } from '../../libs/adapters/kafka/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import { decodeReceipt } from '../../libs/ledger/index.ts';

export interface AgreementTotals {
  readonly agreement: string;
  readonly dataset: string;
  input: number;
  governed: number;
  withheld: number;
  refused: number;
}

const pollWaitMs = 500;

export class ReceiptTotals {
  readonly #totals = new Map<string, AgreementTotals>();
  readonly #cluster: Cluster;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start(): void {
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  totals(): readonly AgreementTotals[] {
    return [...this.#totals.values()];
  }

  /** Adds one Receipt. */
  add(receipt: Receipt): void {
    const { agreement, dataset } = receipt;
    const sum = this.#totals.get(agreement) ?? { agreement, dataset, input: 0, governed: 0, withheld: 0, refused: 0 };
    const governed = Number(receipt.passCount + receipt.reshapeCount);
    const withheld = Number(receipt.withholdCount);
    // A replayed record was counted before, as refused: it has another outcome now, and is no further input.
    const again = receipt.kind === 'replayed';
    sum.input += again ? 0 : Number(receipt.inputCount);
    sum.governed += governed;
    sum.withheld += withheld;
    sum.refused += again ? -governed - withheld : Number(receipt.refuseCount);
    this.#totals.set(agreement, sum);
  }

  /** Reads on after a failure, from where it was; the numbers on the screen are then late, never wrong. */
  async #follow(): Promise<void> {
    let reader: TopicReader | undefined;
    while (!this.#stopped) {
      if (reader === undefined) {
        const opened = await TopicReader.open(this.#cluster, { topic: topicNames.receipts, from: 'earliest' });
        if (opened.ok) reader = opened.value;
        else await sleep(pollWaitMs);
        continue;
      }
      const read = await reader.poll(pollWaitMs);
      if (!read.ok) {
        await sleep(pollWaitMs);
        continue;
      }
      for (const { value } of read.value) {
        const receipt = value === null ? undefined : decodeReceipt(value);
        if (receipt?.ok === true) this.add(receipt.value);
      }
    }
    await reader?.close();
  }
}
