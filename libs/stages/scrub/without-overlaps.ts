/** Of findings in each other's way the longest stays; of equally long ones the one with a check digit, then the kind that is named first. */
import type { Finding } from './identifier-kinds.ts';
import { identifierKinds } from './identifier-kinds.ts';

/** Sorted by place. */
export function withoutOverlaps(findings: readonly Finding[]): Finding[] {
  if (findings.every(({ start }, index) => index === 0 || (findings[index - 1] as Finding).end <= start)) return [...findings];
  const sorted = [...findings].sort((a, b) => a.start - b.start);
  const kept: Finding[] = [];
  for (let first = 0; first < sorted.length; ) {
    let { end } = sorted[first] as Finding;
    let next = first + 1;
    for (; next < sorted.length && (sorted[next] as Finding).start < end; next += 1)
      end = Math.max(end, (sorted[next] as Finding).end);
    if (next === first + 1) kept.push(sorted[first] as Finding);
    else kept.push(...strongest(sorted.slice(first, next), (sorted[first] as Finding).start, end));
    first = next;
  }
  return kept;
}

/** Of findings that hang together, all between two places. */
function strongest(findings: readonly Finding[], start: number, end: number): Finding[] {
  const taken = new Uint8Array(end - start);
  const kept: Finding[] = [];
  for (const finding of [...findings].sort(byStrength)) {
    const [from, to] = [finding.start - start, finding.end - start];
    // What is taken is never shorter, so it cannot lie strictly inside: looking at both ends is enough.
    if (taken[from] === 1 || taken[to - 1] === 1) continue;
    taken.fill(1, from, to);
    kept.push(finding);
  }
  return kept.sort((a, b) => a.start - b.start);
}

const rank = ({ kind }: Finding): number => identifierKinds.indexOf(kind);

const byStrength = (a: Finding, b: Finding): number =>
  b.end - b.start - (a.end - a.start) || Number(b.checked) - Number(a.checked) || rank(a) - rank(b) || a.start - b.start;
