/** SHA-256 over four texts at once: one text a 32-bit lane. Source: FIPS 180-4. */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { rotateLeft } from './lane-code.ts';
import type { LaneHash } from './lane-hash.ts';
import { loadState, storeState } from './lane-hash.ts';
import { tokenSpace } from './token-space.ts';

export const sha256: LaneHash = {
  /** Section 5.3.3. */
  start: [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
  /** Section 4.2.2. */
  roundConstants: [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ],
  addCompress,
};

/** Section 6.2.2. */
function addCompress(module: ModuleWriter, exportName: string): number {
  const { index, code: c } = module.function(['i32', 'i32'], [], exportName);
  const { state: v, block: w } = loadState(c);
  const [first, aAndB, bAndC] = [c.local('v128'), c.local('v128'), c.local('v128')];
  c.get(v[1] as number)
    .get(v[2] as number)
    .vec('v128.xor')
    .set(bAndC);
  for (let round = 0; round < 64; round += 1) {
    const at = (offset: number): number => w[(round + offset) & 15] as number;
    const [a, b, , d, e, f, g, h] = Array.from({ length: 8 }, (_, i) => v[(i - round + 64) & 7]) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (round >= 16) {
      sigma(c, at(14), 17, 19, 10, true);
      c.get(at(9)).vec('i32x4.add');
      sigma(c, at(1), 7, 18, 3, true);
      c.vec('i32x4.add').get(at(0)).vec('i32x4.add').set(at(0));
    }
    // h + S1(e) + ch(e, f, g) + k + w
    c.get(h).get(at(0)).vec('i32x4.add').i32(tokenSpace.roundConstants);
    c.load('v128.load32_splat', round * 4).vec('i32x4.add');
    c.get(g).get(e).get(f).get(g).vec('v128.xor', 'v128.and', 'v128.xor', 'i32x4.add');
    sigma(c, e, 6, 11, 25, false);
    c.vec('i32x4.add').set(first);
    c.get(d).get(first).vec('i32x4.add').set(d);
    // That + S0(a) + maj(a, b, c); a ^ b of this round is b ^ c of the next one.
    c.get(first);
    sigma(c, a, 2, 13, 22, false);
    c.vec('i32x4.add')
      .get(a)
      .get(b)
      .vec('v128.xor')
      .tee(aAndB)
      .get(bAndC)
      .vec('v128.and')
      .get(b)
      .vec('v128.xor', 'i32x4.add')
      .set(h);
    c.get(aAndB).set(bAndC);
  }
  storeState(c, v, 'i32x4.add');
  return index;
}

/** Pushes rotr(a) ^ rotr(b) ^ (rotr or shr)(last). */
function sigma(c: Code, words: number, a: number, b: number, last: number, shift: boolean): void {
  rotateLeft(c, words, 32 - a);
  rotateLeft(c, words, 32 - b);
  c.vec('v128.xor');
  if (shift) c.get(words).i32(last).vec('i32x4.shr_u');
  else rotateLeft(c, words, 32 - last);
  c.vec('v128.xor');
}
