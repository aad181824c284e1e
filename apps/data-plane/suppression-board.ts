/** Who was erased, by dataset: read from `sluice.suppressions` once a directive says that there is somebody. Fails closed. */
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { SuppressionFeed } from '../../libs/adapters/kafka/index.ts';
import type { FieldReader } from '../../libs/avro/index.ts';
import { fieldReader, parseSchema } from '../../libs/avro/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import { ageMs, longAgo, momentNow } from '../../libs/base/index.ts';
import type { Directive, Suppression } from '../../libs/catalog/index.ts';
import { subjectDigest } from '../../libs/catalog/index.ts';

const pollWaitMs = 400;
const retryPauseMs = 500;

/** The erased subjects of one dataset, as its directives of one moment tell of them. */
export interface DatasetSuppressions {
  /** Whether the list is known as far as it goes, and is current. */
  ready(): boolean;
  /** Whether somebody was erased whose text in the key field is this, UTF-8. */
  has(subject: Uint8Array): boolean;
  /** Reads the key field in records of this writer schema; undefined where the schema does not have it as a text. */
  reader(schemaId: number): FieldReader | undefined;
}

/** Nobody knows who was erased: nothing is governed. */
export const unknownSuppressions: DatasetSuppressions = {
  ready: () => false,
  has: () => true,
  reader: () => undefined,
};

export class SuppressionBoard {
  readonly #cluster: Cluster;
  readonly #report: (failure: Failure) => void;
  readonly #ageMsMax: number;
  /** Digests by dataset; undefined while the topic was not read to its end. */
  #lists: Map<string, Set<string>> | undefined;
  #changed = new Set<string>();
  /** When the last look at the topic that was answered was begun. */
  #asked = longAgo;
  #stopped = false;
  #loop: Promise<void> | undefined;

  /** `ageMsMax`: how old the last look at the topic may be for the list to count as current, milliseconds. */
  constructor(cluster: Cluster, report: (failure: Failure) => void, ageMsMax: number) {
    this.#cluster = cluster;
    this.#report = report;
    this.#ageMsMax = ageMsMax;
  }

  /** The list that these directives of a dataset want, with the key that they carry. The first call begins to read the topic. */
  of(key: KeyObject, directives: readonly Directive[]): DatasetSuppressions {
    this.#loop ??= this.#follow();
    const dataset = directives[0]?.dataset ?? '';
    const count = directives.reduce((most, { suppression }) => Math.max(most, suppression?.count ?? 0), 0);
    const field = directives.find(({ suppression }) => suppression !== undefined)?.suppression?.field ?? '';
    const texts = new Map(
      directives.flatMap(({ programs }) => programs.map(({ writerSchemaId, writerSchema }) => [writerSchemaId, writerSchema])),
    );
    const readers = new Map<number, FieldReader | undefined>();
    return {
      ready: () => (this.#lists?.get(dataset)?.size ?? 0) >= count && ageMs(this.#asked) <= this.#ageMsMax,
      has: (subject) => this.#lists?.get(dataset)?.has(subjectDigest(key, subject)) ?? true,
      reader: (schemaId) => {
        if (!readers.has(schemaId)) readers.set(schemaId, readerOf(texts.get(schemaId), field));
        return readers.get(schemaId);
      },
    };
  }

  /** Datasets whose list has changed since this was last asked. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      let asked = momentNow();
      const opened = await SuppressionFeed.open(this.#cluster);
      if (!opened.ok) {
        this.#report(opened.failure);
        await sleep(retryPauseMs);
        continue;
      }
      const { feed, known } = opened.value;
      this.#lists = new Map();
      this.#take(known);
      this.#asked = asked;
      for (;;) {
        asked = momentNow();
        const polled = this.#stopped ? undefined : await feed.poll(pollWaitMs);
        if (polled?.ok !== true) {
          if (polled !== undefined) this.#report(polled.failure);
          break;
        }
        this.#take(polled.value);
        this.#asked = asked;
      }
      await feed.close();
      // What cannot be read is looked for from the beginning: until then what is known grows old, and then nothing is governed.
      if (!this.#stopped) await sleep(retryPauseMs);
    }
  }

  #take(suppressions: readonly Suppression[]): void {
    for (const { dataset, digest } of suppressions) {
      const list = this.#lists?.get(dataset);
      if (list === undefined) this.#lists?.set(dataset, new Set([digest]));
      else list.add(digest);
      this.#changed.add(dataset);
    }
  }
}

function readerOf(schemaText: string | undefined, field: string): FieldReader | undefined {
  const schema = schemaText === undefined ? undefined : parseSchema(schemaText);
  const reader = schema?.ok === true ? fieldReader(schema.value, field) : undefined;
  return reader?.ok === true ? reader.value : undefined;
}
