/** Format-preserving encryption: numerals of a radix to as many numerals of the same radix. */
import type { CipherName } from './block.ts';
import { blockBytes, blockCipher, xorInto } from './block.ts';

/** Fewest values that the encrypted part may have; below it all of them can be tried. Source: NIST SP 800-38G Rev. 1, section 5. */
export const ff1DomainMin = 1_000_000;

const rounds = 10;
const radixMax = 0x1_0000;
const numeralsMax = 256;

export interface Ff1 {
  /** As many numerals as were given. Throws on a numeral outside of the radix and on too few or too many of them. */
  encrypt(numerals: readonly number[]): number[];
  decrypt(numerals: readonly number[]): number[];
}

/**
 * FF1 under a key of 16 bytes. The domain, radix ** numerals, has to be 1,000,000 at least; this implementation takes 256 numerals at most.
 * Throws on a key or a radix that is none. Source: NIST SP 800-38G, algorithms 7 and 8; step numbers below are theirs.
 */
export function ff1(name: CipherName, key: Uint8Array, radix: number, tweak: Uint8Array): Ff1 {
  if (!Number.isInteger(radix) || radix < 2 || radix > radixMax) throw new RangeError('ff1: the radix is from 2 to 65536');
  const encryptBlock = blockCipher(name, key);
  const shapes = new Map<number, Shape>();
  const shapeFor = (count: number): Shape => {
    const known = shapes.get(count);
    if (known !== undefined) return known;
    const shape = shapeOf(count, radix, tweak, encryptBlock);
    shapes.set(count, shape);
    return shape;
  };

  /** Steps 6 i to 6 iv: the round's number y, from the half that stays. */
  const roundNumber = (shape: Shape, round: number, half: bigint): bigint => {
    const block = Buffer.from(shape.tail);
    block[block.length - shape.halfBytes - 1] = round;
    block.set(bytesOf(half, shape.halfBytes), block.length - shape.halfBytes);
    let state = shape.state;
    for (let at = 0; at < block.length; at += blockBytes) {
      const next = block.subarray(at, at + blockBytes);
      xorInto(next, state);
      state = encryptBlock(next);
    }
    return numberOf(stretched(state, shape.streamBytes, encryptBlock));
  };

  return {
    encrypt(numerals) {
      const shape = shapeFor(checked(numerals, radix).length);
      let [a, b] = halvesOf(numerals, radix, shape);
      for (let round = 0; round < rounds; round += 1) {
        const modulus = round % 2 === 0 ? shape.leftModulus : shape.rightModulus;
        [a, b] = [b, (a + roundNumber(shape, round, b)) % modulus];
      }
      return joined(a, b, radix, shape);
    },
    decrypt(numerals) {
      const shape = shapeFor(checked(numerals, radix).length);
      let [a, b] = halvesOf(numerals, radix, shape);
      for (let round = rounds - 1; round >= 0; round -= 1) {
        const modulus = round % 2 === 0 ? shape.leftModulus : shape.rightModulus;
        const before = (b - roundNumber(shape, round, a)) % modulus;
        [a, b] = [before < 0n ? before + modulus : before, a];
      }
      return joined(a, b, radix, shape);
    },
  };
}

/** What depends on the count of numerals alone. */
interface Shape {
  /** Numerals of the left half (u); the right one has the rest (v). */
  readonly left: number;
  readonly right: number;
  readonly leftModulus: bigint;
  readonly rightModulus: bigint;
  /** Bytes of a half as a number (b). */
  readonly halfBytes: number;
  /** Bytes of a round's number (d). */
  readonly streamBytes: number;
  /** Encrypted first block P, from which every round's chain goes on. */
  readonly state: Buffer;
  /** Q with zeros for the round and the half: the tweak, padded to whole blocks. */
  readonly tail: Buffer;
}

function shapeOf(count: number, radix: number, tweak: Uint8Array, encryptBlock: (blocks: Uint8Array) => Buffer): Shape {
  const left = Math.floor(count / 2);
  const right = count - left;
  const rightModulus = BigInt(radix) ** BigInt(right);
  // Bits of the largest half, exactly: a logarithm in floating point is one too many or too few at the edges.
  const halfBytes = Math.ceil((rightModulus - 1n).toString(2).length / 8);
  const first = Buffer.alloc(blockBytes);
  first.set([1, 2, 1]);
  first.writeUIntBE(radix, 3, 3);
  first[6] = rounds;
  first[7] = left % 256;
  first.writeUInt32BE(count, 8);
  first.writeUInt32BE(tweak.length, 12);
  const tail = Buffer.alloc(Math.ceil((tweak.length + halfBytes + 1) / blockBytes) * blockBytes);
  tail.set(tweak);
  return {
    left,
    right,
    leftModulus: BigInt(radix) ** BigInt(left),
    rightModulus,
    halfBytes,
    streamBytes: 4 * Math.ceil(halfBytes / 4) + 4,
    state: encryptBlock(first),
    tail,
  };
}

/** Step 6 iii: as many bytes as are asked for, the state first, then encryptions of the state with a count in it. */
function stretched(state: Buffer, bytes: number, encryptBlock: (blocks: Uint8Array) => Buffer): Buffer {
  const blocks = [state];
  for (let block = 1; block * blockBytes < bytes; block += 1) {
    const counted = Buffer.from(state);
    counted.writeUInt32BE((counted.readUInt32BE(12) ^ block) >>> 0, 12);
    blocks.push(encryptBlock(counted));
  }
  return Buffer.concat(blocks).subarray(0, bytes);
}

function checked(numerals: readonly number[], radix: number): readonly number[] {
  if (numerals.length < 2 || numerals.length > numeralsMax || radix ** numerals.length < ff1DomainMin)
    throw new RangeError(`ff1: ${numerals.length} numerals of radix ${radix} are too few or too many`);
  if (!numerals.every((numeral) => Number.isInteger(numeral) && numeral >= 0 && numeral < radix))
    throw new RangeError('ff1: a numeral is not of the radix');
  return numerals;
}

const halvesOf = (numerals: readonly number[], radix: number, { left }: Shape): [bigint, bigint] => [
  valueOf(numerals.slice(0, left), radix),
  valueOf(numerals.slice(left), radix),
];

const valueOf = (numerals: readonly number[], radix: number): bigint =>
  numerals.reduce((value, numeral) => value * BigInt(radix) + BigInt(numeral), 0n);

function joined(a: bigint, b: bigint, radix: number, { left, right }: Shape): number[] {
  return [...numeralsOf(a, left, radix), ...numeralsOf(b, right, radix)];
}

/** The most significant numeral first. */
function numeralsOf(value: bigint, count: number, radix: number): number[] {
  const numerals: number[] = [];
  let rest = value;
  while (numerals.length < count) {
    numerals.push(Number(rest % BigInt(radix)));
    rest /= BigInt(radix);
  }
  return numerals.reverse();
}

const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const bytesOf = (value: bigint, count: number): Buffer => Buffer.from(value.toString(16).padStart(count * 2, '0'), 'hex');
