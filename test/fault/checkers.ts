/** What must hold of a run, each as a pure function that gives a sentence for every fault. `checkers.spec.ts` plants a fault for each. */
import { formsIn } from '../e2e/canary.ts';
import type { Evidence, InputRecord } from './evidence.ts';
import type { AgreementName } from './feed.ts';
import { agreementNames } from './feed.ts';
import { receiptCheckers } from './receipt-checkers.ts';

export type Checker = (evidence: Evidence) => string[];

/** The faults of all checkers, by their names. No more than a few of each, because one fault often shows a thousand times. */
export function faultsOf(evidence: Evidence): string[] {
  return Object.entries({ ...checkers, ...receiptCheckers }).flatMap(([name, check]) => {
    const faults = check(evidence);
    const more = faults.length > shownMax ? [`${name}: and ${faults.length - shownMax} more`] : [];
    return [...faults.slice(0, shownMax).map((fault) => `${name}: ${fault}`), ...more];
  });
}

const shownMax = 5;

export const checkers = {
  'nothing is lost': (evidence) =>
    each((agreement) => {
      const seen = new Set(evidence.governed[agreement].map(({ visit }) => visit?.seq));
      return wanted(evidence, agreement).flatMap(({ partition, offset, visit }) =>
        seen.has(visit?.seq) ? [] : [`${partition}/${offset} (record ${visit?.seq}) is missing`],
      );
    }),

  'nothing is there twice': (evidence) =>
    each((agreement) => {
      const seen = new Map<number, string>();
      return evidence.governed[agreement].flatMap(({ partition, offset, visit }) => {
        if (visit === undefined) return [];
        const first = seen.get(visit.seq);
        seen.set(visit.seq, first ?? `${partition}/${offset}`);
        return first === undefined ? [] : [`record ${visit.seq} is at ${first} and again at ${partition}/${offset}`];
      });
    }),

  'nothing leaves that must not': (evidence) =>
    each((agreement) => {
      const may = new Set(wanted(evidence, agreement).map(({ visit }) => visit?.seq));
      return evidence.governed[agreement].flatMap(({ partition, offset, visit }) =>
        visit !== undefined && may.has(visit.seq)
          ? []
          : [`${partition}/${offset} holds ${visit?.seq ?? 'no record of the feed'}`],
      );
    }),

  'a record says what the agreement lets it say': (evidence) => {
    const bySeq = inputBySeq(evidence);
    return each((agreement) =>
      evidence.governed[agreement].flatMap(({ partition, offset, key, visit }) => {
        const input = bySeq.get(visit?.seq ?? -1)?.visit;
        if (visit === undefined || input === undefined) return [];
        const at = `${partition}/${offset}`;
        return [
          ...(visit.cost === input.cost ? [] : [`${at} has another cost`]),
          ...(/^\*+$/.test(visit.owner) ? [] : [`${at} has an owner that is not masked`]),
          ...(/^[0-9a-f]{32}$/.test(visit.person) ? [] : [`${at} has a person that is no pseudonym`]),
          ...((key?.toString('utf8') ?? null) === (agreement === 'keyed' ? visit.person : null) ? [] : [`${at} has a wrong key`]),
        ];
      }),
    );
  },

  'a person has one pseudonym in an agreement, and another one in the next': (evidence) => {
    const bySeq = inputBySeq(evidence);
    const owners = new Map<string, string>();
    return each((agreement) => {
      const pseudonyms = new Map<string, string>();
      return evidence.governed[agreement].flatMap(({ visit }) => {
        const person = bySeq.get(visit?.seq ?? -1)?.visit?.person;
        if (visit === undefined || person === undefined) return [];
        const first = pseudonyms.get(person) ?? visit.person;
        pseudonyms.set(person, first);
        const owner = owners.get(visit.person) ?? `${agreement} ${person}`;
        owners.set(visit.person, owner);
        return [
          ...(first === visit.person ? [] : [`record ${visit.seq} has a second pseudonym of its person`]),
          ...(owner === `${agreement} ${person}` ? [] : [`record ${visit.seq} has a pseudonym that is another's`]),
        ];
      });
    });
  },

  'order and partition are kept': (evidence) => {
    const bySeq = inputBySeq(evidence);
    return each((agreement) => {
      const last = new Map<number, number>();
      return evidence.governed[agreement].flatMap(({ partition, offset, visit }) => {
        const input = bySeq.get(visit?.seq ?? -1);
        if (input === undefined) return [];
        if (input.partition !== partition) return [`${partition}/${offset} comes from partition ${input.partition}`];
        const before = last.get(partition) ?? -1;
        last.set(partition, Math.max(before, input.offset));
        return input.offset > before ? [] : [`${partition}/${offset} comes from ${input.offset}, behind ${before}`];
      });
    });
  },

  'the records of a key are in order': (evidence) => {
    const bySeq = inputBySeq(evidence);
    return each((agreement) => {
      const last = new Map<string, { seq: number; partition: number }>();
      return evidence.governed[agreement].flatMap(({ partition, visit }) => {
        const input = bySeq.get(visit?.seq ?? -1);
        if (visit === undefined || input === undefined || input.key === null) return [];
        const before = last.get(input.key);
        last.set(input.key, { seq: visit.seq, partition });
        if (before === undefined || (before.partition === partition && before.seq < visit.seq)) return [];
        return [`record ${visit.seq} comes behind ${before.seq} of the same key`];
      });
    });
  },

  'each refused record is in quarantine once for each agreement, or once when nobody could read it': (evidence) => {
    const seen = new Map<string, number>();
    const faults: string[] = [];
    const name = (partition: number, offset: number, agreement: string | null): string => `${partition}/${offset} ${agreement}`;
    for (const entry of evidence.quarantined) {
      if (entry.offsetFirst !== entry.offsetLast)
        faults.push(`${entry.partition}/${entry.offsetFirst} stands for several records`);
      const agreement = agreementNames.find((known) => entry.agreement?.startsWith(known)) ?? entry.agreement;
      const place = name(entry.partition, Number(entry.offsetFirst), agreement);
      seen.set(place, (seen.get(place) ?? 0) + 1);
    }
    const due = new Set(
      evidence.input.flatMap(({ partition, offset, visit, fates }) =>
        visit === undefined
          ? [name(partition, offset, null)]
          : agreementNames
              .filter((agreement) => fates[agreement] === 'refuse')
              .map((agreement) => name(partition, offset, agreement)),
      ),
    );
    for (const place of due) if (!seen.has(place)) faults.push(`${place} is missing`);
    for (const [place, count] of seen) {
      if (!due.has(place)) faults.push(`${place} should not be there`);
      else if (count > 1) faults.push(`${place} is there ${count} times`);
    }
    return faults;
  },

  'what was read while it ran is what is there at the end': ({ early, final }) => {
    const place = ({ topic, partition, offset }: Evidence['final'][number]): string => `${topic} ${partition}/${offset}`;
    const text = ({ key, value }: Evidence['final'][number]): string =>
      `${key?.toString('base64') ?? '-'} ${value?.toString('base64') ?? '-'}`;
    const last = new Map(final.map((record) => [place(record), text(record)]));
    const first = new Set(early.map(place));
    return [
      ...early.flatMap((record) => {
        const there = last.get(place(record));
        if (there === undefined) return [`${place(record)} was read and is not there`];
        return there === text(record) ? [] : [`${place(record)} was read with other bytes`];
      }),
      ...(first.size === early.length ? [] : ['a place was read twice']),
      ...final.flatMap((record) => (first.has(place(record)) ? [] : [`${place(record)} is there and was not read before`])),
    ];
  },

  'no protected value is anywhere behind the gate': ({ early, final, logs }) => [
    ...[...early, ...final].flatMap(({ topic, partition, offset, key, value, headers }) => {
      const parts = [key, value, ...headers.flatMap(([name, bytes]) => [Buffer.from(name), bytes])];
      const forms = new Set(parts.flatMap((part) => (part === null ? [] : formsIn(part))));
      return [...forms].map((form) => `${topic} ${partition}/${offset} holds one (${form})`);
    }),
    ...logs.flatMap((log, index) => formsIn(Buffer.from(log)).map((form) => `log ${index + 1} holds one (${form})`)),
  ],
} as const satisfies Record<string, Checker>;

const wanted = ({ input }: Evidence, agreement: AgreementName): InputRecord[] =>
  input.filter(({ fates }) => fates[agreement] === 'govern');

const inputBySeq = ({ input }: Evidence): ReadonlyMap<number, InputRecord> =>
  new Map(input.flatMap((record) => (record.visit === undefined ? [] : [[record.visit.seq, record]])));

const each = (check: (agreement: AgreementName) => string[]): string[] =>
  agreementNames.flatMap((agreement) => check(agreement).map((fault) => `${agreement}: ${fault}`));
