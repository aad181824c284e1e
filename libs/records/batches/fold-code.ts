/**
 * Emits the folding of a long range of bytes onto a short one with the same CRC-32C, by exclusive or alone. A vector of 16 bytes stands for a
 * polynomial times y^e, y = x^128, when e vectors follow it; where the generator divides 1 + y^d1 + ... + y^dn (with y^-1 for y), the vector may be
 * moved to the places d1 ... dn behind it. Of six terms there are such with small distances; that they hold for x is enough, since raising to
 * the power of 128 keeps sums. Source of the idea: S. Russell, "Chorba: A novel CRC32 implementation", arXiv:2412.16398; the terms are for CRC-32C.
 */
import type { ModuleWriter } from '../../wasm/index.ts';
import { batchSpace } from '../arena/arena-layout.ts';

/** In vectors. The first is short enough to come from a local; the last is how far a vector reaches. */
export const foldDistances = [1, 117, 132, 212, 304] as const;
export const vectorBytes = 16;
/** Vectors of one step. */
const stepVectors = 8;
export const stepBytes = stepVectors * vectorBytes;
/** The last vectors that were folded: more than reach on, a power of two. */
const ringBytes = 512 * vectorBytes;
/** Behind the ring its first step stands again, so that a step that is read need not be cut at the end. */
const foldRingBytes = ringBytes + stepBytes;

/**
 * `fold(data, folded, end, state, target)`: folds [data, folded), a whole number of steps and not empty, onto the bytes behind it up to `end`, at least
 * `foldDistances[4]` vectors, and writes what those become to `target`, in steps: as many bytes, and up to a step more that mean nothing. `state` is
 * xored onto the first four bytes. Reads up to a step behind `end`. The CRC register over [data, end) that begins with `state` equals that over
 * what is written, [target, target + end - folded), that begins with 0. The ring is zero before and after.
 */
export function addFold(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32'], [], 'fold');
  const [data, folded, end, state, target] = [0, 1, 2, 3, 4] as const;
  const ring = batchSpace.ring;
  const [, ...far] = foldDistances;
  const at = c.local('i32');
  const taps = far.map(() => c.local('i32'));
  const before = c.local('v128');
  const vectors = Array.from({ length: stepVectors }, () => c.local('v128'));

  /** The step's vectors with everything that earlier ones put on them; `nearest` puts on what the one just before does. */
  const gather = (nearest: (index: number) => void): void => {
    far.forEach((distance, index) => {
      c.get(at)
        .i32(distance * vectorBytes)
        .op('i32.sub')
        .i32(ringBytes - 1)
        .op('i32.and')
        .set(taps[index] as number);
    });
    for (const [index, vector] of vectors.entries()) {
      c.get(data).load('v128.load', vectorBytes * index);
      for (const tap of taps)
        c.get(tap)
          .load('v128.load', ring + vectorBytes * index)
          .vec('v128.xor');
      nearest(index);
      c.set(vector);
    }
  };
  const next = (): void => {
    c.get(at)
      .i32(stepBytes)
      .op('i32.add')
      .i32(ringBytes - 1)
      .op('i32.and')
      .set(at);
    c.get(data).i32(stepBytes).op('i32.add').set(data);
  };
  /** What the first step of the ring holds now stands behind it too. */
  const mirror = (): void => {
    c.get(at).op('i32.eqz');
    c.if(() => {
      c.i32(ring + ringBytes)
        .i32(ring)
        .i32(stepBytes)
        .memoryCopy();
    });
  };

  // One that is as far before the first vector as a vector reaches comes upon it alone.
  c.i32(0)
    .get(state)
    .store('i32.store', ring + ringBytes - foldDistances[4] * vectorBytes);
  c.loop((again) => {
    gather((index) => c.get(index === 0 ? before : (vectors[index - 1] as number)).vec('v128.xor'));
    for (const [index, vector] of vectors.entries())
      c.get(at)
        .get(vector)
        .store('v128.store', ring + vectorBytes * index);
    c.get(vectors[stepVectors - 1] as number).set(before);
    mirror();
    next();
    c.get(data).get(folded).op('i32.lt_u').brIf(again);
  });
  // Those that are left are folded no further: nothing comes of them.
  c.loop((again) => {
    gather((index) => {
      if (index === 0) c.get(before).vec('v128.xor');
    });
    for (const [index, vector] of vectors.entries())
      c.get(target)
        .get(vector)
        .store('v128.store', vectorBytes * index);
    c.get(at).i32(ring).op('i32.add').i32(0).i32(stepBytes).memoryFill();
    c.v128(Array.from({ length: vectorBytes }, () => 0)).set(before);
    mirror();
    next();
    c.get(target).i32(stepBytes).op('i32.add').set(target);
    c.get(data).get(end).op('i32.lt_u').brIf(again);
  });
  c.i32(ring).i32(0).i32(foldRingBytes).memoryFill();
}
