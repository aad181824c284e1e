/** Compares what the recognizer finds with the labels. */
import { findIdentifiers, identifierKinds } from '../../libs/stages/index.ts';
import type { Finding, IdentifierKind } from '../../libs/stages/index.ts';
import type { Label, LabelledText, NearMiss } from './corpus.ts';

/** Of one kind. */
export interface Tally {
  labels: number;
  /** Labels of which every character is covered by findings of the same kind. */
  covered: number;
  findings: number;
  /** Findings of which so much lies in labels of the same kind as `rightShareMin` says. */
  right: number;
}

/** A finding that takes one character too many of five is right, one that takes one of three is not. */
const rightShareMin = 0.8;

export interface Score {
  readonly tallies: ReadonlyMap<IdentifierKind, Tally>;
  /** Sentences with what was missed or found too much, for whoever reads them. */
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly what: 'missed' | 'too much';
  readonly kind: IdentifierKind;
  readonly piece: string;
  readonly text: string;
}

export const recallOf = ({ labels, covered }: Tally): number => (labels === 0 ? 1 : covered / labels);
export const precisionOf = ({ findings, right }: Tally): number => (findings === 0 ? 1 : right / findings);

type Finder = (text: string) => readonly Finding[];

export function scoreOf(texts: readonly LabelledText[], find: Finder = findIdentifiers): Score {
  const tallies = new Map(
    identifierKinds.map((kind): [IdentifierKind, Tally] => [kind, { labels: 0, covered: 0, findings: 0, right: 0 }]),
  );
  const faults: Fault[] = [];
  for (const { text, labels } of texts) {
    const findings = find(text);
    const note = (what: Fault['what'], { kind, start, end }: Label, good: boolean): void => {
      if (!good) faults.push({ what, kind, piece: text.slice(start, end), text });
    };
    for (const label of labels) {
      const tally = tallies.get(label.kind) as Tally;
      const isCovered = sharedUnits(label, findings) === label.end - label.start;
      tally.labels += 1;
      tally.covered += Number(isCovered);
      note('missed', label, isCovered);
    }
    for (const finding of findings) {
      const tally = tallies.get(finding.kind) as Tally;
      const isRight = sharedUnits(finding, labels) >= rightShareMin * (finding.end - finding.start);
      tally.findings += 1;
      tally.right += Number(isRight);
      note('too much', finding, isRight);
    }
  }
  return { tallies, faults };
}

/** Units of a stretch that lie in stretches of the same kind; these do not overlap each other. */
function sharedUnits(one: Label, others: readonly Label[]): number {
  let shared = 0;
  for (const other of others)
    if (other.kind === one.kind) shared += Math.max(0, Math.min(one.end, other.end) - Math.max(one.start, other.start));
  return shared;
}

/** By kind: near-misses, and those in which something was taken for that kind. */
export function falseAlarms(
  texts: readonly NearMiss[],
  find: Finder = findIdentifiers,
): ReadonlyMap<IdentifierKind, { texts: number; alarms: number; examples: Fault[] }> {
  const counts = new Map<IdentifierKind, { texts: number; alarms: number; examples: Fault[] }>();
  for (const { text, kind } of texts) {
    const count = counts.get(kind) ?? { texts: 0, alarms: 0, examples: [] };
    counts.set(kind, count);
    count.texts += 1;
    const alarm = find(text).find((finding) => finding.kind === kind);
    if (alarm === undefined) continue;
    count.alarms += 1;
    count.examples.push({ what: 'too much', kind, piece: text.slice(alarm.start, alarm.end), text });
  }
  return counts;
}
