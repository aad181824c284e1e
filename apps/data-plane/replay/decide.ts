/** Says of each candidate what a redrive does with it now. A preview ends here; a redrive writes what was decided. */
import type { ErrorCode, Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import { unreadable } from '../../../libs/govern/index.ts';
import type { Disposition, Dispositions } from './disposition-log.ts';
import type { Judged, JudgeOptions, Verdict } from './judge.ts';
import { judge } from './judge.ts';
import type { Missing, Originals, SourceRecord } from './originals.ts';
import type { Candidate } from './selection.ts';
import type { TakenRanges } from './taken-ranges.ts';

export type SkipReason =
  | Missing
  | 'already-delivered'
  | 'already-withheld'
  /** An earlier topic of this name had another record there, which was redriven. */
  | 'coordinates-reused'
  /** The agreement began behind it, or has not read that far. */
  | 'never-taken'
  /** A batch that cannot be read now either, or that the raw topic does not have any more, has no records to redrive. */
  | 'whole-batch'
  /** Opened from the quarantine, which keeps no headers, while a Program lets headers out. */
  | 'headers-lost'
  /** The feed is compacted, and has a newer record of the same key. */
  | 'superseded'
  /** The same Program refuses it for the same reason: nothing is written. */
  | 'unchanged';

export type Decided = { readonly candidate: Candidate } & (
  | { readonly outcome: 'skipped'; readonly why: SkipReason }
  | {
      readonly outcome: 'delivered' | 'withheld' | 'refused';
      readonly why: ErrorCode | null;
      readonly source: SourceRecord;
      readonly verdict: Verdict;
      /** Of the record in the frames that were judged. */
      readonly index: number;
    }
);

export interface Decision {
  /** In the order of the candidates. */
  readonly decided: readonly Decided[];
  readonly judged: Judged | undefined;
}

/** Why a candidate is not even looked at; undefined where it is. */
export function skipped(
  candidate: Candidate,
  dispositions: Dispositions,
  taken: TakenRanges | undefined,
): SkipReason | undefined {
  if (candidate.wholeBatch) return 'whole-batch';
  const disposition = dispositions.of(candidate.partition, candidate.offset);
  if (disposition !== undefined && disposition.outcome !== 'refused') return settled(candidate, disposition);
  if (candidate.forEveryone && taken?.has(candidate.partition, candidate.offset) !== true) return 'never-taken';
  return undefined;
}

function settled(candidate: Candidate, { outcome, timestampMs }: Disposition): SkipReason {
  if (timestampMs !== candidate.timestampMs) return 'coordinates-reused';
  return outcome === 'delivered' ? 'already-delivered' : 'already-withheld';
}

/** Candidates of one partition, in offset order. */
export async function decide(
  candidates: readonly Candidate[],
  originals: Originals,
  options: JudgeOptions,
): Promise<Result<Decision>> {
  const answers = await originals.of(candidates);
  if (!answers.ok) return answers;
  const headersMatter = [...options.live.programs.values()].some(({ program }) => program.headers.length > 0);
  const sources = answers.value.flatMap((answer) =>
    'missing' in answer || (headersMatter && answer.headers === null) ? [] : [answer],
  );
  const judged = sources.length === 0 ? ok(undefined) : await judge(sources, options);
  if (!judged.ok) return judged;
  const indexes = new Map(sources.map(({ candidate }, index) => [candidate, index]));
  return ok({
    judged: judged.value,
    decided: answers.value.map((answer): Decided => {
      const { candidate } = answer;
      if ('missing' in answer) return { candidate, outcome: 'skipped', why: answer.missing };
      const index = indexes.get(candidate);
      if (index === undefined) return { candidate, outcome: 'skipped', why: 'headers-lost' };
      const verdict = judged.value?.verdicts[index];
      if (verdict === undefined) throw new Error('decide: a record was not judged');
      if (verdict.kind !== 'refused')
        return {
          candidate,
          outcome: verdict.kind === 'governed' ? 'delivered' : 'withheld',
          why: null,
          source: answer,
          verdict,
          index,
        };
      if (isUnchanged(candidate, verdict)) return { candidate, outcome: 'skipped', why: 'unchanged' };
      return { candidate, outcome: 'refused', why: verdict.reason, source: answer, verdict, index };
    }),
  });
}

function isUnchanged(candidate: Candidate, { reason, field, program }: Extract<Verdict, { kind: 'refused' }>): boolean {
  if (reason !== candidate.reason || field !== candidate.field) return false;
  return unreadable.has(reason) || candidate.programHash === (program?.program.hash ?? null);
}
