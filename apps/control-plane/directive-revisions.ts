/** The newest revision of each agreement in `sluice.directives`, followed without keeping what the directives say. */
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { signatureIn, TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames } from '../../libs/base/index.ts';
import type { SignatureChecker, Signer } from '../../libs/catalog/index.ts';

interface LastWord {
  readonly revision: number;
  /** Of the key that signed it. */
  readonly keyId: string;
}

export interface SeenDirectives {
  readonly revisions: ReadonlyMap<string, number>;
  /** Agreements whose directive is signed by an earlier key: it is to be published again. */
  readonly signedEarlier: ReadonlySet<string>;
}

export class DirectiveRevisions {
  readonly #cluster: Cluster;
  readonly #signer: Signer;
  readonly #checker: SignatureChecker;
  readonly #words = new Map<string, LastWord>();
  #reader: TopicReader | undefined;

  constructor(cluster: Cluster, signer: Signer, checker: SignatureChecker) {
    this.#cluster = cluster;
    this.#signer = signer;
    this.#checker = checker;
  }

  /**
   * Reads what is new up to the end of now. The last word counts, not the highest revision: after compaction it is all that a reader finds. One
   * that cannot be read or is not signed counts as none.
   */
  async current(): Promise<Result<SeenDirectives>> {
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
      for (const { key, value, headers } of records.value) {
        if (key === null) continue;
        const signed = await this.#checker.check('directive', value ?? new Uint8Array(), signatureIn(headers));
        if (!signed.ok && signed.failure.code !== 'signature-invalid') {
          await this.close();
          return signed;
        }
        const agreement = Buffer.from(key).toString('utf8');
        if (signed.ok) this.#words.set(agreement, { revision: revisionOf(value), keyId: signed.value.keyId });
        else this.#words.delete(agreement);
      }
    }
    const newest = await this.#signer.newestKeyId();
    if (!newest.ok) return newest;
    const words = [...this.#words];
    return ok({
      revisions: new Map(words.map(([agreement, { revision }]) => [agreement, revision])),
      signedEarlier: new Set(words.flatMap(([agreement, { keyId }]) => (keyId === newest.value ? [] : [agreement]))),
    });
  }

  async close(): Promise<void> {
    await this.#reader?.close();
    this.#reader = undefined;
    this.#words.clear();
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
