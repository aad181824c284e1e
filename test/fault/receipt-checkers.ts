/** What must hold of a run's Receipts against its input and its governed records. */
import { createHash } from 'node:crypto';
import type { Receipt } from '../../libs/ledger/index.ts';
import { GovernedDigest } from '../../libs/ledger/index.ts';
import type { Checker } from './checkers.ts';
import type { Evidence, GovernedRecord, InputRecord } from './evidence.ts';
import type { AgreementName } from './feed.ts';
import { agreementNames, maskWidth, programAt } from './feed.ts';

export const receiptCheckers = {
  'a Receipt adds up: input = pass + reshape + withhold + refuse': ({ receipts }) =>
    receipts.flatMap((receipt) => {
      const { inputCount, passCount, reshapeCount, withholdCount, refuseCount, refusals } = receipt;
      const refused = Object.values(refusals).reduce((sum, count) => sum + count, 0n);
      return [
        ...(passCount + reshapeCount + withholdCount + refuseCount === inputCount ? [] : [`${nameOf(receipt)} does not add up`]),
        ...(refused === refuseCount ? [] : [`${nameOf(receipt)} names reasons for ${refused} of ${refuseCount}`]),
      ];
    }),

  'Receipts form chains: each names the hash of the one before it, and none stands beside another': ({ receipts }) => {
    const heads = new Map<string, Buffer>();
    return receipts.flatMap((receipt) => {
      const chain = receipt.apart ? `${receipt.agreement}/${receipt.partition}` : `${receipt.partition}`;
      const head = heads.get(chain) ?? Buffer.alloc(32);
      heads.set(chain, createHash('sha256').update(receipt.bytes).digest());
      return head.equals(Buffer.from(receipt.previous)) ? [] : [`${nameOf(receipt)} does not follow the one before it`];
    });
  },

  'no Receipt says that records were lost before they were read': ({ receipts }) =>
    receipts.flatMap((receipt) => (receipt.kind === 'gap' ? [`${nameOf(receipt)} says so`] : [])),

  'the ranges of Receipts follow each other without overlap': ({ receipts }) =>
    [...byPlace(receipts).values()].flatMap((chain) =>
      chain.flatMap((receipt, index) => {
        const before = chain[index - 1];
        if (receipt.inputTo < receipt.inputFrom) return [`${nameOf(receipt)} ends before it begins`];
        return before === undefined || before.inputTo < receipt.inputFrom ? [] : [`${nameOf(receipt)} overlaps the one before`];
      }),
    ),

  'every record of the input is in a Receipt, and the Receipts count no other': (evidence) =>
    agreementNames.flatMap((agreement) => {
      const total = evidence.receipts.filter((receipt) => isOf(agreement, receipt));
      const sum = total.reduce((all, { inputCount }) => all + Number(inputCount), 0);
      const inside = new Set(covered(evidence, agreement).flatMap(({ input }) => input));
      const outside = evidence.input.length - inside.size;
      return [
        ...(sum === evidence.input.length ? [] : [`${agreement}: the Receipts count ${sum} of ${evidence.input.length} records`]),
        ...(outside === 0 ? [] : [`${agreement}: ${outside} records are in no Receipt`]),
      ];
    }),

  'a Receipt counts by outcome what its range held': (evidence) =>
    agreementNames.flatMap((agreement) =>
      covered(evidence, agreement).flatMap(({ receipt, input }) => {
        const count = (fate: string): number => input.filter(({ fates }) => fates[agreement] === fate).length;
        const pairs = [
          ['input', Number(receipt.inputCount), input.length],
          ['governed', Number(receipt.passCount + receipt.reshapeCount), count('govern')],
          ['withheld', Number(receipt.withholdCount), count('withhold')],
          ['refused', Number(receipt.refuseCount), count('refuse')],
        ] as const;
        return pairs.flatMap(([what, has, should]) =>
          has === should ? [] : [`${nameOf(receipt)} says ${has} ${what}, the range holds ${should}`],
        );
      }),
    ),

  "a Receipt's digest is that of the governed records of its range": (evidence) =>
    agreementNames.flatMap((agreement) =>
      covered(evidence, agreement).flatMap(({ receipt, governed }) => {
        const digest = new GovernedDigest();
        for (const { key, value } of governed) digest.add(key, value);
        return Buffer.from(digest.finish()).equals(Buffer.from(receipt.governedDigest))
          ? []
          : [`${nameOf(receipt)} has another digest`];
      }),
    ),

  'what a Receipt names as Program is what its records went through': (evidence) =>
    agreementNames.flatMap((agreement) =>
      covered(evidence, agreement).flatMap(({ receipt, governed }) => {
        const revision = Number(receipt.directiveRevision);
        const due = programAt(agreement, revision).hash;
        const width = agreement === 'open' ? maskWidth(revision) : 4;
        const other = governed.find(({ visit }) => visit?.owner.length !== width);
        return [
          ...(receipt.programHashes.every((hash) => hash === due) ? [] : [`${nameOf(receipt)} names another Program`]),
          ...(governed.length === 0 || receipt.programHashes.length > 0 ? [] : [`${nameOf(receipt)} names no Program`]),
          ...(other === undefined ? [] : [`${nameOf(receipt)} holds ${other.partition}/${other.offset} of another revision`]),
        ];
      }),
    ),
} as const satisfies Record<string, Checker>;

interface Covered {
  readonly receipt: Receipt;
  readonly input: readonly InputRecord[];
  readonly governed: readonly GovernedRecord[];
}

/** For each Receipt of an agreement the input records of its range, and the governed ones that came from them, in their order. */
function covered(evidence: Evidence, agreement: AgreementName): Covered[] {
  const bySeq = new Map(evidence.input.flatMap((record) => (record.visit === undefined ? [] : [[record.visit.seq, record]])));
  const sources = evidence.governed[agreement].flatMap((record) => {
    const from = bySeq.get(record.visit?.seq ?? -1);
    return from === undefined ? [] : [{ record, from }];
  });
  return [...byPlace(evidence.receipts.filter((receipt) => isOf(agreement, receipt))).values()].flatMap((chain) => {
    const partition = chain[0]?.partition;
    const input = evidence.input.filter((record) => record.partition === partition);
    const governed = sources.filter(({ from }) => from.partition === partition).sort((a, b) => a.record.offset - b.record.offset);
    return chain.map((receipt) => {
      const holds = (offset: number): boolean => offset >= receipt.inputFrom && offset <= receipt.inputTo;
      return {
        receipt,
        input: input.filter(({ offset }) => holds(offset)),
        governed: governed.filter(({ from }) => holds(from.offset)).map(({ record }) => record),
      };
    });
  });
}

/** An agreement's id begins with its name in the feed. */
const isOf = (agreement: AgreementName, receipt: Receipt): boolean => receipt.agreement.startsWith(agreement);

/** Receipts of one agreement and input partition, in the order in which they were written. */
function byPlace(receipts: readonly Receipt[]): Map<string, Receipt[]> {
  const places = new Map<string, Receipt[]>();
  for (const receipt of receipts) {
    const place = `${receipt.agreement}/${receipt.partition}`;
    places.set(place, [...(places.get(place) ?? []), receipt]);
  }
  return places;
}

const nameOf = ({ agreement, partition, inputFrom, inputTo }: Receipt): string =>
  `the Receipt ${agreement} ${partition}/${inputFrom}-${inputTo}`;
