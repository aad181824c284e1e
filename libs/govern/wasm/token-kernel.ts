/**
 * The kernel module beside the Programs: hexadecimal HMAC-SHA256 tokens for the gather entries of a run, four at a time. It has the same memory
 * as they have and no other import. Texts of more than 55 bytes need a second block and are left to the host. Source: RFC 2104, FIPS 180-4.
 */
import { gatherEntryBytes, scratch } from './arena-layout.ts';
import type { Code } from './code.ts';
import { ModuleWriter } from './module-writer.ts';
import { addCompress } from './sha256-lanes.ts';

/** Longest text whose padding fits into the block behind the key's. */
export const laneTextBytesMax = 55;

const lanes = 4;
/** Reverses the bytes of each 32-bit word. */
const swapWords = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const firstNibbles = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
const secondNibbles = firstNibbles.map((lane) => lane + 8);
const hexDigits = [...Buffer.from('0123456789abcdef')];
const zeros = Array.from({ length: 16 }, () => 0);

let emitted: Uint8Array | undefined;

/** The kernel module's bytes, the same in every process. */
export function tokenKernelBytes(): Uint8Array {
  emitted ??= emitTokenKernel();
  return emitted;
}

/** Exports `compress(state, block)` over four lanes, and `tokens(gathers, count, field, keyStates, hexLength)`. */
function emitTokenKernel(): Uint8Array {
  const module = new ModuleWriter();
  const compress = addCompress(module, 'compress');
  const { code } = module.function(['i32', 'i32', 'i32', 'i32', 'i32'], [], 'tokens');
  emitTokens(code, compress);
  return module.finish(1);
}

function emitTokens(c: Code, compress: number): void {
  const [entry, count, field, keyStates, hexLength] = [0, 1, 2, 3, 4];
  const [filled, lane, at] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.block((done) => {
    c.loop((next) => {
      c.block((skip) => {
        c.get(count).op('i32.eqz').brIf(skip);
        c.get(entry).load('i32.load', 16).get(field).op('i32.ne').brIf(skip);
        c.get(entry).load('i32.load', 4).i32(laneTextBytesMax).op('i32.gt_u').brIf(skip);
        c.get(filled).i32(2).op('i32.shl').get(entry).store('i32.store', scratch.laneEntries);
        emitBlock(c, entry, filled, at);
        c.get(filled).i32(1).op('i32.add').set(filled);
      });
      // Four lanes are full, or what is left are the last ones.
      c.get(filled).i32(lanes).op('i32.eq').get(count).op('i32.eqz').get(filled).i32(0).op('i32.ne', 'i32.and', 'i32.or');
      c.if(() => {
        emitDigests(c, compress, keyStates);
        c.i32(0).set(lane);
        c.loop((nextLane) => {
          emitHex(c, lane, hexLength, at);
          c.get(lane).i32(1).op('i32.add').tee(lane).get(filled).op('i32.lt_u').brIf(nextLane);
        });
        c.i32(0).set(filled);
      });
      c.get(count).op('i32.eqz').brIf(done);
      c.get(entry).i32(gatherEntryBytes).op('i32.add').set(entry);
      c.get(count).i32(1).op('i32.sub').set(count).br(next);
    });
  });
  // Nothing of a key, a text or a digest stays behind.
  for (let offset = scratch.keyStates; offset < scratch.end; offset += 16) c.i32(0).v128(zeros).store('v128.store', offset);
}

/** The text with its padding as sixteen big-endian words of one lane. */
function emitBlock(c: Code, entry: number, filled: number, at: number): void {
  const [source, length] = [c.local('i32'), c.local('i32')];
  c.get(entry).load('i32.load', 0).set(source);
  c.get(entry).load('i32.load', 4).set(length);
  for (const offset of [0, 16, 32, 48])
    c.i32(0)
      .v128(zeros)
      .store('v128.store', scratch.text + offset);
  c.i32(0).set(at);
  c.block((copied) => {
    c.loop((again) => {
      c.get(at).get(length).op('i32.ge_u').brIf(copied);
      c.get(at).get(source).get(at).op('i32.add').load('v128.load').store('v128.store', scratch.text);
      c.get(at).i32(16).op('i32.add').set(at).br(again);
    });
  });
  // What was copied behind the text goes, then the bit that ends it and its length in bits, the key's block included.
  c.get(length).v128(zeros).store('v128.store', scratch.text);
  c.get(length).i32(0x80).store('i32.store8', scratch.text);
  c.get(length).i32(64).op('i32.add').i32(3).op('i32.shl').set(at);
  c.i32(0)
    .get(at)
    .i32(8)
    .op('i32.shr_u')
    .store('i32.store8', scratch.text + 62);
  c.i32(0)
    .get(at)
    .store('i32.store8', scratch.text + 63);
  const words = c.local('v128');
  for (let quarter = 0; quarter < 4; quarter += 1) {
    c.i32(0)
      .load('v128.load', scratch.text + quarter * 16)
      .tee(words)
      .get(words)
      .shuffle(swapWords)
      .set(words);
    for (let word = 0; word < 4; word += 1) {
      c.get(filled)
        .i32(2)
        .op('i32.shl')
        .get(words)
        .extractLane32(word)
        .store('i32.store', scratch.block + (quarter * 4 + word) * 16);
    }
  }
  c.release('v128', words);
  for (const local of [source, length]) c.release('i32', local);
}

/** Inner and outer hash of all lanes: the states behind the key's two blocks are at `keyStates`, eight words each. */
function emitDigests(c: Code, compress: number, keyStates: number): void {
  const from = (offset: number): void => {
    for (let word = 0; word < 8; word += 1) {
      c.i32(0)
        .get(keyStates)
        .load('i32.load', offset + word * 4)
        .vec('i32x4.splat')
        .store('v128.store', scratch.state + word * 16);
    }
  };
  from(0);
  c.i32(scratch.state).i32(scratch.block).call(compress);
  for (let word = 0; word < 8; word += 1) {
    c.i32(0)
      .i32(0)
      .load('v128.load', scratch.state + word * 16)
      .store('v128.store', scratch.block + word * 16);
  }
  for (let word = 8; word < 16; word += 1) {
    c.i32(0)
      .i32(word === 8 ? 0x8000_0000 : word === 15 ? (64 + 32) * 8 : 0)
      .vec('i32x4.splat')
      .store('v128.store', scratch.block + word * 16);
  }
  from(32);
  c.i32(scratch.state).i32(scratch.block).call(compress);
}

/** The digest of one lane in hexadecimal, cut, into the destinations of its entry. */
function emitHex(c: Code, lane: number, hexLength: number, entry: number): void {
  const bytes = c.local('v128');
  for (let word = 0; word < 8; word += 1) {
    c.i32(0)
      .get(lane)
      .i32(2)
      .op('i32.shl')
      .load('i32.load', scratch.state + word * 16)
      .store('i32.store', scratch.text + word * 4);
  }
  const [high, low] = [c.local('v128'), c.local('v128')];
  for (const half of [0, 1]) {
    c.i32(0)
      .load('v128.load', scratch.text + half * 16)
      .tee(bytes)
      .get(bytes)
      .shuffle(swapWords)
      .set(bytes);
    c.v128(hexDigits).get(bytes).i32(4).vec('i8x16.shr_u', 'i8x16.swizzle').set(high);
    c.v128(hexDigits)
      .get(bytes)
      .v128(Array.from({ length: 16 }, () => 0x0f))
      .vec('v128.and', 'i8x16.swizzle')
      .set(low);
    c.i32(0)
      .get(high)
      .get(low)
      .shuffle(firstNibbles)
      .store('v128.store', scratch.hex + half * 32);
    c.i32(0)
      .get(high)
      .get(low)
      .shuffle(secondNibbles)
      .store('v128.store', scratch.hex + half * 32 + 16);
  }
  c.get(lane).i32(2).op('i32.shl').load('i32.load', scratch.laneEntries).set(entry);
  c.get(entry).load('i32.load', 8).i32(scratch.hex).get(hexLength).memoryCopy();
  c.get(entry).load('i32.load', 12);
  c.if(() => c.get(entry).load('i32.load', 12).i32(scratch.hex).get(hexLength).memoryCopy());
  for (const local of [bytes, high, low]) c.release('v128', local);
}
