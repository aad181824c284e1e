/** What Receipts come to: records by agreement and day. Pure. */
import type { MeterCounts, MeterDay } from '../../../libs/adapters/postgres/index.ts';
import type { ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import type { Receipt } from '../../../libs/ledger/index.ts';
import { decodeReceipt } from '../../../libs/ledger/index.ts';

type AgreementDay = MeterDay & { readonly agreement: string };

interface Counted {
  readonly counts: readonly AgreementDay[];
  /** `<partition>/<offset>` of what is no Receipt of this release, or one that does not add up. */
  readonly unreadable: readonly string[];
}

/** The last millisecond that has a day of four digits of year. */
const lastMs = Date.UTC(10_000, 0, 1) - 1;

/** Records of `sluice.receipts` by agreement and UTC day of `issuedAtMs`. */
export function countReceipts(records: readonly Pick<ReadRecord, 'partition' | 'offset' | 'value'>[]): Counted {
  const counts = new Map<string, AgreementDay>();
  const unreadable: string[] = [];
  for (const { partition, offset, value } of records) {
    const receipt = value === null ? null : decodeReceipt(value);
    const more = receipt?.ok === true ? countsOf(receipt.value) : null;
    if (receipt?.ok !== true || more === null) {
      unreadable.push(`${partition}/${offset}`);
      continue;
    }
    const { agreement, issuedAtMs } = receipt.value;
    const day = new Date(Math.min(Math.max(Number(issuedAtMs), 0), lastMs)).toISOString().slice(0, 10);
    const place = `${agreement}/${day}`;
    const before = counts.get(place);
    counts.set(place, {
      agreement,
      day,
      ...(before === undefined ? more : sumOf(before, more)),
    });
  }
  return { counts: [...counts.values()], unreadable };
}

/**
 * Governed records that left count as delivered, and so do those of a redrive: they were counted as refused before. A delete that stands for a null value is
 * a governed record; one that stands for a withheld row tells nothing but that, and is among the withheld. A gap delivered nothing. Null for a Receipt that
 * does not add up.
 */
function countsOf(receipt: Receipt): MeterCounts | null {
  const delivered = Number(receipt.passCount + receipt.reshapeCount);
  const withheld = Number(receipt.withholdCount);
  const [input, refused] = [Number(receipt.inputCount), Number(receipt.refuseCount)];
  if ([delivered, withheld, input, refused].some((count) => !Number.isSafeInteger(count) || count < 0)) return null;
  if (receipt.kind === 'gap') return { input: 0, delivered: 0, withheld: 0, refused: 0, replayed: 0 };
  if (receipt.kind === 'replayed')
    return {
      input: 0,
      delivered,
      withheld,
      refused: 0,
      replayed: delivered + withheld,
    };
  return input === delivered + withheld + refused ? { input, delivered, withheld, refused, replayed: 0 } : null;
}

const sumOf = (a: MeterCounts, b: MeterCounts): MeterCounts => ({
  input: a.input + b.input,
  delivered: a.delivered + b.delivered,
  withheld: a.withheld + b.withheld,
  refused: a.refused + b.refused,
  replayed: a.replayed + b.replayed,
});
