/** Cross-border retail import orders, generated: real HS headings, synthetic buyers and sellers with valid check digits. */
import { luhnCheckDigit, socialCreditCheckDigit } from '../../../../libs/identifiers/index.ts';
import { hsHeadings } from './hs-headings.ts';
import type { Random } from './random.ts';
import { randomAt, zipf } from './random.ts';
import type { Resident } from './residents.ts';
import { makeResidents } from './residents.ts';

/** Plain values by field name, as `datasets/customs-orders/schema.avsc` describes them. */
export interface CustomsOrder {
  readonly orderId: string;
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly orderTime: number;
  readonly buyerName: string;
  readonly buyerId: string;
  readonly buyerPhone: string;
  readonly buyerAddress: string;
  readonly bankCard: string | null;
  readonly sellerCode: string;
  readonly hsCode: string;
  readonly goods: string;
  readonly originCountry: string;
  readonly port: string;
  readonly quantity: number;
  /** Yuan. */
  readonly amount: number;
  /** Yuan. */
  readonly tax: number;
}

const customsOrdersSeed = 290_400;

const buyerCount = 5_000;
const sellerCount = 40;
const firstOrderMs = Date.UTC(2026, 2, 2, 0, 0);
const countries = ['JP', 'KR', 'DE', 'FR', 'US', 'AU', 'NZ', 'IT', 'GB', 'NL', 'TH', 'ES'];
const ports = ['杭州海关', '宁波海关', '上海海关', '广州海关', '郑州海关'];
/** Issuer prefixes of 6 digits; the rest of a number is drawn. */
const cardPrefixes = ['622202', '622848', '621700', '622588', '621661'];
/** Value added tax at 13%, of which retail imports within the yearly allowance pay 70%. */
const taxRate = 0.13 * 0.7;

/** An endless feed from the order at `start` on: the order at an index depends on the seed and the index only. */
export function* customsOrders(options: { seed?: number; start?: number } = {}): Generator<CustomsOrder, never, void> {
  const seed = options.seed ?? customsOrdersSeed;
  const buyers = makeResidents(seed, buyerCount);
  const sellers = Array.from({ length: sellerCount }, (_, index) => makeSeller(randomAt(seed + 1, index)));
  const drawBuyer = zipf(buyerCount);
  for (let index = options.start ?? 0; ; index += 1) {
    const random = randomAt(seed ^ 0x0_de5, index);
    const buyer = buyers[drawBuyer(random)];
    if (buyer === undefined) throw new RangeError('a rank lies outside the buyers');
    yield makeOrder(random, buyer, random.pick(sellers), index);
  }
}

function makeOrder(random: Random, buyer: Resident, sellerCode: string, index: number): CustomsOrder {
  const goods = random.pick(hsHeadings);
  const quantity = random.chance(0.7) ? 1 : random.below(5) + 2;
  const amountFen = Math.round(goods.price * (80 + random.below(41)) * quantity);
  const cardStem = random.pick(cardPrefixes) + random.digits(12);
  return {
    orderId: `XB${String(20_260_000_000 + index)}${random.digits(4)}`,
    orderTime: firstOrderMs + index * 4_000 + random.below(4_000),
    buyerName: buyer.name,
    buyerId: buyer.residentId,
    buyerPhone: buyer.phone,
    buyerAddress: buyer.address,
    bankCard: random.chance(0.4) ? cardStem + luhnCheckDigit(cardStem) : null,
    sellerCode,
    hsCode: goods.code,
    goods: goods.title,
    originCountry: random.pick(countries),
    port: random.pick(ports),
    quantity,
    amount: amountFen / 100,
    tax: Math.round(amountFen * taxRate) / 100,
  };
}

/** A company of Zhejiang: registration authority 9, kind 1, area 330100, nine symbols of its own and the check symbol. */
function makeSeller(random: Random): string {
  const first17 = `91330100MA${random.digits(7)}`;
  return first17 + socialCreditCheckDigit(first17);
}
