/** Every checker is right about a good run and catches the fault that is planted for it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import { encodeQuarantined, encodeReceipt, GovernedDigest } from '../../libs/ledger/index.ts';
import { canary } from '../e2e/canary.ts';
import { Random } from '../scrub/random.ts';
import { checkers, faultsOf } from './checkers.ts';
import { receiptCheckers } from './receipt-checkers.ts';
import type { Evidence, GovernedRecord, InputRecord, ReceiptRecord } from './evidence.ts';
import { evidenceOf } from './evidence.ts';
import type { AgreementName } from './feed.ts';
import { agreementNames, drawVisit, fateOf, maskWidth, partitionOf, programAt, readVisit, visitBytes } from './feed.ts';
import type { SeenRecord } from './java-clients.ts';

const names = { dataset: 'visits', agreements: { open: 'open-1', keyed: 'keyed-1' } } as const;
const partitions = 2;

/** A run without faults, as a plain program would do it: transactions of 20 records of each partition, the directive changed once. */
function goodRun(): Evidence {
  const random = new Random(7);
  const raw: SeenRecord[] = [];
  const offsets = [0, 0];
  const put = (partition: number, key: Buffer | null, value: Buffer): void => {
    // A gap after every tenth, as the markers of transactions leave them.
    const offset = (offsets[partition] ?? 0) + ((offsets[partition] ?? 0) % 10 === 9 ? 1 : 0);
    offsets[partition] = offset + 1;
    raw.push({ topic: 'raw.visits', partition, offset, atMs: 0, key, value, headers: [] });
  };
  for (let seq = 0; seq < 400; seq += 1) {
    const keyed = seq % 7 !== 0;
    const visit = drawVisit(random, seq, keyed, { index: 0, of: 1 });
    const partition = keyed ? partitionOf(visit.person, partitions) : seq % partitions;
    put(partition, keyed ? Buffer.from(visit.person) : null, Buffer.from(visitBytes(visit)));
    if (seq % 50 === 0) put(seq % partitions, null, Buffer.from('no frame'));
  }
  const final = Array.from({ length: partitions }, (_, partition) => partition).flatMap((partition) =>
    written(raw.filter((record) => record.partition === partition)),
  );
  const placed = place(final);
  return evidenceOf(names, raw, placed, placed, ['the data plane serves']);
}

/** Gives records their offsets in the order given. */
function place(records: readonly SeenRecord[]): SeenRecord[] {
  const ends = new Map<string, number>();
  return records.map((record) => {
    const at = `${record.topic}/${record.partition}`;
    const offset = ends.get(at) ?? 0;
    ends.set(at, offset + 1);
    return { ...record, offset };
  });
}

/** What a data plane writes for the records of one partition. */
function written(raw: readonly SeenRecord[]): SeenRecord[] {
  const out: SeenRecord[] = [];
  let head: Uint8Array = Buffer.alloc(32);
  for (let from = 0; from < raw.length; from += 20) {
    const part = raw.slice(from, from + 20);
    const revision = from < 100 ? 1 : 2;
    for (const agreement of agreementNames) {
      out.push(...transaction(agreement, revision, part, head));
      head = createHash('sha256')
        .update(out.at(-1)?.value ?? '')
        .digest();
    }
    for (const { partition, offset, key, value } of part) {
      const visit = readVisit(value);
      const refusing = agreementNames.filter((agreement) => fateOf(agreement, key?.toString() ?? null, visit) === 'refuse');
      const agreements = visit === undefined ? [null] : refusing.map((agreement) => names.agreements[agreement]);
      for (const agreement of agreements) {
        const entry = { dataset: names.dataset, agreement, reason: 'value-unfit', field: null, programHash: null, attempt: 1 };
        const at = { topic: 'raw.visits', partition, offsetFirst: BigInt(offset), offsetLast: BigInt(offset), timestampMs: 0n };
        out.push(
          seen(topicNames.quarantine(names.dataset), partition, null, encodeQuarantined({ ...entry, ...at, sealed: null })),
        );
      }
    }
  }
  return out;
}

/** The governed records of an agreement, and behind them its Receipt. */
function transaction(
  agreement: AgreementName,
  revision: number,
  part: readonly SeenRecord[],
  previous: Uint8Array,
): SeenRecord[] {
  const digest = new GovernedDigest();
  const program = programAt(agreement, revision);
  const governed: SeenRecord[] = [];
  const counts = { govern: 0n, withhold: 0n, refuse: 0n };
  for (const { partition, key, value } of part) {
    const visit = readVisit(value);
    const fate = fateOf(agreement, key?.toString() ?? null, visit);
    counts[fate] += 1n;
    if (fate !== 'govern' || visit === undefined) continue;
    const person = Buffer.from(`${agreement}${visit.person}`.padEnd(16, '.')).toString('hex').slice(0, 32);
    const owner = '*'.repeat(agreement === 'open' ? maskWidth(revision) : 4);
    const body = unwrap(codecOf(program.governedSchema).encode({ seq: visit.seq, person, owner, cost: visit.cost }));
    const record = seen(
      topicNames.governed(names.dataset, names.agreements[agreement]),
      partition,
      agreement === 'keyed' ? Buffer.from(person) : null,
      frame(7102, body),
    );
    digest.add(record.key, record.value);
    governed.push(record);
  }
  const [first, last] = [part[0] as SeenRecord, part.at(-1) as SeenRecord];
  const receipt: Receipt = {
    agreement: names.agreements[agreement],
    dataset: names.dataset,
    partition: first.partition,
    kind: 'governed',
    apart: false,
    previous,
    directiveRevision: BigInt(revision),
    programHashes: [program.hash],
    inputFrom: BigInt(first.offset),
    inputTo: BigInt(last.offset),
    inputCount: BigInt(part.length),
    passCount: 0n,
    reshapeCount: counts.govern,
    withholdCount: counts.withhold,
    refuseCount: counts.refuse,
    refusals: counts.refuse === 0n ? {} : { 'value-unfit': counts.refuse },
    otherwise: {},
    inputTimestampMsMax: 0n,
    governedDigest: digest.finish(),
    issuedAtMs: 0n,
    keyEpoch: 1,
    suppressCount: 0n,
  };
  return [...governed, seen(topicNames.receipts, 0, null, encodeReceipt(receipt))];
}

const seen = (topic: string, partition: number, key: Buffer | null, value: Uint8Array): SeenRecord => ({
  topic,
  partition,
  offset: -1,
  atMs: 0,
  key,
  value: Buffer.from(value),
  headers: [],
});

const good = goodRun();
const governedAt = (index: number): GovernedRecord => good.governed.open[index] as GovernedRecord;
const withGoverned = (open: readonly GovernedRecord[]): Evidence => ({ ...good, governed: { ...good.governed, open } });
const withReceipt = (change: (receipt: ReceiptRecord) => ReceiptRecord | undefined, index = 3): Evidence => ({
  ...good,
  receipts: good.receipts.flatMap((receipt, at) => (at === index ? (change(receipt) ?? []) : [receipt])),
});
const without = <T>(items: readonly T[], index: number): T[] => items.filter((_, at) => at !== index);
const swapped = <T>(items: readonly T[], a: number, b: number): T[] =>
  items.map((item, at) => (at === a ? (items[b] as T) : at === b ? (items[a] as T) : item));

/** Two governed records of one key, the later one just before where the earlier one is due. */
function keySwapped(): Evidence {
  const byKey = new Map<string, number>();
  const keyOf = new Map(good.input.map(({ visit, key }: InputRecord) => [visit?.seq, key]));
  for (const [index, { visit }] of good.governed.open.entries()) {
    const key = keyOf.get(visit?.seq) ?? null;
    if (key === null) continue;
    const first = byKey.get(key);
    if (first !== undefined) return withGoverned(swapped(good.governed.open, first, index));
    byKey.set(key, index);
  }
  throw new Error('no key has two records');
}

const planted: Record<keyof typeof checkers | keyof typeof receiptCheckers, () => Evidence> = {
  'nothing is lost': () => withGoverned(without(good.governed.open, 5)),
  'nothing is there twice': () => withGoverned([...good.governed.open, { ...governedAt(9), offset: 10_000 }]),
  'nothing leaves that must not': () => {
    const withheld = good.input.find(({ fates }) => fates.open === 'withhold') as InputRecord;
    const visit = { ...(governedAt(4).visit as NonNullable<GovernedRecord['visit']>), seq: withheld.visit?.seq ?? 0 };
    return withGoverned([...good.governed.open, { ...governedAt(4), visit, offset: 10_000 }]);
  },
  'a record says what the agreement lets it say': () => {
    const visit = { ...(governedAt(4).visit as NonNullable<GovernedRecord['visit']>), owner: 'Li' };
    return withGoverned(good.governed.open.map((record, index) => (index === 4 ? { ...record, visit } : record)));
  },
  'a person has one pseudonym in an agreement, and another one in the next': () => {
    const visit = {
      ...(governedAt(4).visit as NonNullable<GovernedRecord['visit']>),
      person: good.governed.keyed[0]?.visit?.person ?? '',
    };
    return withGoverned(good.governed.open.map((record, index) => (index === 4 ? { ...record, visit } : record)));
  },
  'order and partition are kept': () => withGoverned(swapped(good.governed.open, 10, 11)),
  'the records of a key are in order': keySwapped,
  'each refused record is in quarantine once for each agreement, or once when nobody could read it': () => ({
    ...good,
    quarantined: [...without(good.quarantined, 0), good.quarantined[1] as Evidence['quarantined'][number]],
  }),
  'what was read while it ran is what is there at the end': () => ({ ...good, final: without(good.final, 20) }),
  'no protected value is anywhere behind the gate': () => ({
    ...good,
    final: good.final.map((record, at) => (at === 8 ? { ...record, headers: [['x', Buffer.from(canary('owner', 1))]] } : record)),
  }),
  'a Receipt adds up: input = pass + reshape + withhold + refuse': () =>
    withReceipt((receipt) => ({ ...receipt, passCount: receipt.passCount + 1n })),
  'Receipts form chains: each names the hash of the one before it, and none stands beside another': () =>
    withReceipt((receipt) => ({ ...receipt, previous: good.receipts[1]?.previous ?? receipt.previous })),
  'no Receipt says that records were lost before they were read': () => withReceipt((receipt) => ({ ...receipt, kind: 'gap' })),
  'the ranges of Receipts follow each other without overlap': () =>
    withReceipt((receipt) => ({ ...receipt, inputFrom: receipt.inputFrom - 1n })),
  'every record of the input is in a Receipt, and the Receipts count no other': () => withReceipt(() => undefined),
  'a Receipt counts by outcome what its range held': () =>
    withReceipt((receipt) => ({
      ...receipt,
      withholdCount: receipt.withholdCount + 1n,
      reshapeCount: receipt.reshapeCount - 1n,
    })),
  "a Receipt's digest is that of the governed records of its range": () =>
    withReceipt((receipt) => ({ ...receipt, governedDigest: Buffer.alloc(32) })),
  'what a Receipt names as Program is what its records went through': () =>
    withReceipt((receipt) => ({ ...receipt, directiveRevision: receipt.directiveRevision + 1n }), 0),
};

describe('the checkers of a fault run', () => {
  test('find nothing in a good run, which has records of every fate', () => {
    expect(faultsOf(good)).toEqual([]);
    const fates = good.input.map(({ fates: { open, keyed } }) => `${open} ${keyed}`);
    expect([...new Set(fates)].sort()).toEqual([
      'govern govern',
      'govern refuse',
      'govern withhold',
      'refuse refuse',
      'withhold withhold',
    ]);
  });

  test.each(Object.entries(planted))('notice a planted fault: %s', (name, plant) => {
    expect({ ...checkers, ...receiptCheckers }[name as keyof typeof planted](plant())).not.toEqual([]);
    expect(faultsOf(plant()).some((fault) => fault.startsWith(`${name}: `))).toBe(true);
  });

  test('notice what leaks into a log, and a record that only the early reader saw', () => {
    expect(faultsOf({ ...good, logs: [`a failure at ${canary('person', 3)}`] })).toHaveLength(1);
    expect(faultsOf({ ...good, early: [...good.early, { ...(good.early[0] as SeenRecord), offset: 99_999 }] })).toHaveLength(1);
  });

  test('show a few of many faults of a kind', () => {
    const lost = faultsOf(withGoverned([])).filter((fault) => fault.startsWith('nothing is lost'));
    expect(lost).toHaveLength(6);
    expect(lost.at(-1)).toMatch(/and \d+ more$/);
  });
});
