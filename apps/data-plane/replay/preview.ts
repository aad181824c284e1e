/** What a redrive would do, without doing it: counts by reason and field. No value of a record is in it. */
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Decided, SkipReason } from './decide.ts';
import type { KeyedPlace, NewerKeys } from './newer-keys.ts';
import { keyHashOf } from './newer-keys.ts';
import type { Candidate } from './selection.ts';

/** Counts of the candidates with one reason and field. */
export interface PreviewRow {
  readonly reason: string;
  readonly field: string | null;
  records: number;
  delivered: number;
  withheld: number;
  refused: number;
  readonly skipped: Partial<Record<SkipReason, number>>;
}

export interface Preview {
  readonly rows: readonly PreviewRow[];
  readonly newerKeys: NewerKeys;
}

export class PreviewCounts {
  readonly #rows = new Map<string, PreviewRow>();
  /** Of the records that would be delivered. */
  readonly #places: KeyedPlace[] = [];

  add(decided: Decided): void {
    const { candidate, outcome } = decided;
    const row = this.#row(candidate);
    row.records += 1;
    if (outcome === 'skipped') {
      row.skipped[decided.why] = (row.skipped[decided.why] ?? 0) + 1;
      return;
    }
    row[outcome] += 1;
    const { key } = decided.source;
    if (outcome !== 'delivered' || key === null) return;
    this.#places.push({ partition: candidate.partition, offset: candidate.offset, keyHash: keyHashOf(key) });
  }

  async finish(count: (places: readonly KeyedPlace[]) => Promise<Result<NewerKeys>>): Promise<Result<Preview>> {
    const newerKeys = await count(this.#places);
    return newerKeys.ok ? ok({ rows: [...this.#rows.values()], newerKeys: newerKeys.value }) : newerKeys;
  }

  #row({ reason, field }: Candidate): PreviewRow {
    const name = `${reason} ${field ?? ''}`;
    let row = this.#rows.get(name);
    if (row === undefined)
      this.#rows.set(name, (row = { reason, field, records: 0, delivered: 0, withheld: 0, refused: 0, skipped: {} }));
    return row;
  }
}
