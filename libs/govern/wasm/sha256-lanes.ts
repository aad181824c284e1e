/**
 * Emits HMAC-SHA256 over four texts at once: one text a 32-bit lane. Used for tokens, whose texts are short: key pads are two compressions
 * done once for a key, so a token of up to 55 bytes takes two more. Source: FIPS 180-4, RFC 2104.
 */
import type { Code } from './code.ts';
import type { ModuleWriter } from './module-writer.ts';

const k = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
  0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

const fourTimes = (word: number): number[] =>
  [0, 1, 2, 3].flatMap(() => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]);

/**
 * (state, block): state is eight vectors, block sixteen, lane by lane, words in host order. Adds the compression of the block to the state.
 */
export function addCompress(module: ModuleWriter, exportName?: string): number {
  const { index, code: c } = module.function(['i32', 'i32'], [], exportName);
  const [state, block] = [0, 1];
  const v = Array.from({ length: 8 }, () => c.local('v128'));
  const w = Array.from({ length: 16 }, () => c.local('v128'));
  const [t1, t2] = [c.local('v128'), c.local('v128')];
  v.forEach((local, at) =>
    c
      .get(state)
      .load('v128.load', at * 16)
      .set(local),
  );
  w.forEach((local, at) =>
    c
      .get(block)
      .load('v128.load', at * 16)
      .set(local),
  );
  for (let round = 0; round < 64; round += 1) {
    const at = round & 15;
    const word = w[at] as number;
    if (round >= 16) {
      sigma(c, w[(at + 14) & 15] as number, 17, 19, 10, true);
      c.get(w[(at + 9) & 15] as number).vec('i32x4.add');
      sigma(c, w[(at + 1) & 15] as number, 7, 18, 3, true);
      c.vec('i32x4.add').get(word).vec('i32x4.add').set(word);
    }
    const [a, b, cc, d, e, f, g, h] = Array.from({ length: 8 }, (_, i) => v[(i - round + 64) & 7] as number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    // t1 = h + S1(e) + ch(e, f, g) + k + w
    c.get(h);
    sigma(c, e, 6, 11, 25, false);
    c.vec('i32x4.add').get(g).get(e).get(f).get(g).vec('v128.xor', 'v128.and', 'v128.xor', 'i32x4.add');
    c.v128(fourTimes(k[round] as number))
      .vec('i32x4.add')
      .get(word)
      .vec('i32x4.add')
      .set(t1);
    // t2 = S0(a) + maj(a, b, c)
    sigma(c, a, 2, 13, 22, false);
    c.get(a).get(b).vec('v128.and').get(cc).get(a).get(b).vec('v128.or', 'v128.and', 'v128.or', 'i32x4.add').set(t2);
    c.get(d).get(t1).vec('i32x4.add').set(d);
    c.get(t1).get(t2).vec('i32x4.add').set(h);
  }
  v.forEach((local, at) => {
    c.get(state)
      .get(state)
      .load('v128.load', at * 16)
      .get(local)
      .vec('i32x4.add')
      .store('v128.store', at * 16);
  });
  return index;
}

/** Pushes rotr(a) ^ rotr(b) ^ (rotr or shr)(c). */
function sigma(c: Code, x: number, a: number, b: number, last: number, shift: boolean): void {
  const rotate = (by: number): void => {
    c.get(x)
      .i32(by)
      .vec('i32x4.shr_u')
      .get(x)
      .i32(32 - by)
      .vec('i32x4.shl', 'v128.or');
  };
  rotate(a);
  rotate(b);
  c.vec('v128.xor');
  if (shift) c.get(x).i32(last).vec('i32x4.shr_u');
  else rotate(last);
  c.vec('v128.xor');
}
