/** The newest revision of each agreement in `sluice.directives`, followed without keeping what the directives say. */
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames } from '../../libs/base/index.ts';

export class DirectiveRevisions {
  readonly #cluster: Cluster;
  readonly #revisions = new Map<string, number>();
  #reader: TopicReader | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Reads what is new up to the end of now. The last word counts, not the highest revision: after compaction it is all that a reader finds. One
   * that cannot be read counts as none.
   */
  async current(): Promise<Result<ReadonlyMap<string, number>>> {
    // Open transactions included: a directive that was committed a moment ago must not be missed.
    const end = await topicOffsets(this.#cluster, topicNames.directives, 'latest', 'read_uncommitted');
    if (!end.ok) return end;
    if (this.#reader === undefined) {
      const opened = await TopicReader.open(this.#cluster, {
        topic: topicNames.directives,
        from: 'earliest',
      });
      if (!opened.ok) return opened;
      this.#reader = opened.value;
    }
    while (this.#reader.position(0) < (end.value[0] ?? 0n)) {
      const records = await this.#reader.poll(200);
      if (!records.ok) {
        // It may have been made anew: the next reading begins at its beginning.
        await this.close();
        return records;
      }
      for (const { key, value } of records.value) {
        if (key !== null) this.#revisions.set(Buffer.from(key).toString('utf8'), revisionOf(value));
      }
    }
    return ok(this.#revisions);
  }

  async close(): Promise<void> {
    await this.#reader?.close();
    this.#reader = undefined;
    this.#revisions.clear();
  }
}

function revisionOf(value: Uint8Array | null): number {
  try {
    const directive: unknown = JSON.parse(value === null ? '' : Buffer.from(value).toString('utf8'));
    const isObject = typeof directive === 'object' && directive !== null;
    return isObject && 'revision' in directive && typeof directive.revision === 'number' ? directive.revision : 0;
  } catch {
    return 0;
  }
}
