/**
 * Emits HMAC tokens for the gather entries of a run, four texts at a time. The key's two padded blocks are compressed once for a key, so a text of
 * up to 55 bytes takes two compressions. Source: RFC 2104; the padding of FIPS 180-4, section 5.1.1, which is that of GB/T 32905, clause 5.2.
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { gatherEntryBytes } from '../arena/arena-layout.ts';
import type { Four } from './lane-code.ts';
import { constant, hexOf, hexTables, storeSlot, swapWords, tailMask, transpose, upFromZero, zeros } from './lane-code.ts';
import { tokenSpace } from './token-space.ts';

const hashBlockBytes = 64;
/** Longest text whose end bit and length fit into the block behind the key's. */
const shortBytesMax = 55;
/** What is left of a text whose last block was done is below this. */
const notDone = shortBytesMax - hashBlockBytes;

export interface Compressors {
  readonly sha256: number;
  readonly sm3: number;
}

/** The texts in the four lanes. */
interface Lanes {
  readonly entries: Four;
  readonly sources: Four;
  /** Bytes from the next block on; 0 to -8 when only padding is left. */
  readonly rests: Four;
}

/**
 * (gathers, byte behind them, field, hexadecimal characters, 1 for SM3, 1 for longer texts) -> how many texts of the field are of the other length.
 * Texts of up to 55 bytes and longer ones take two calls, so that four lanes end together where that is easy. The key's states and the round
 * constants are in their places.
 */
export function addHmac(module: ModuleWriter, compressors: Compressors, exportName: string): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32'], exportName);
  const [entry, end, field, hexLength, isSm3, longer] = [0, 1, 2, 3, 4, 5];
  const [filled, others] = [c.local('i32'), c.local('i32')];
  const put = slotWriter(c, hexLength);
  const compress = (): void => {
    c.get(isSm3);
    c.if(
      () => c.i32(tokenSpace.state).i32(tokenSpace.block).call(compressors.sm3),
      () => c.i32(tokenSpace.state).i32(tokenSpace.block).call(compressors.sha256),
    );
  };
  const digest = digestWriter(c, longer, compress);
  c.block((done) => {
    c.loop((next) => {
      c.block((skip) => {
        c.get(entry).get(end).op('i32.ge_u').brIf(skip);
        c.get(entry).load('i32.load', 16).get(field).op('i32.ne').brIf(skip);
        c.get(entry).load('i32.load', 4).i32(shortBytesMax).op('i32.gt_u').get(longer).op('i32.ne');
        c.if(() => c.get(others).i32(1).op('i32.add').set(others).br(skip));
        emitTake(c, entry, filled);
      });
      // Four lanes are full, or what is left are the last ones.
      c.get(filled).i32(4).op('i32.eq').get(entry).get(end).op('i32.ge_u').get(filled).i32(0).op('i32.ne', 'i32.and', 'i32.or');
      c.if(() => {
        emitFillUp(c, filled);
        put(digest());
        c.i32(0).set(filled);
      });
      c.get(entry).get(end).op('i32.ge_u').brIf(done);
      c.get(entry).i32(gatherEntryBytes).op('i32.add').set(entry).br(next);
    });
  });
  c.get(others);
}

function emitTake(c: Code, entry: number, filled: number): void {
  c.get(filled).i32(2).op('i32.shl').get(entry).store('i32.store', tokenSpace.laneEntries);
  c.get(filled).i32(1).op('i32.add').set(filled);
}

/** Lanes without a text do the first one's work again; it is written to the same place. */
function emitFillUp(c: Code, filled: number): void {
  const first = c.local('i32');
  c.i32(0).load('i32.load', tokenSpace.laneEntries).set(first);
  c.block((full) => {
    c.loop((again) => {
      c.get(filled).i32(4).op('i32.eq').brIf(full);
      emitTake(c, first, filled);
      c.br(again);
    });
  });
  c.release('i32', first);
}

const four = (c: Code): Four => [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];

/** Emits the inner and outer hash of the four texts into `tokenSpace.state`; the locals are made once. */
function digestWriter(c: Code, longer: number, compress: () => void): () => Lanes {
  const lanes: Lanes = { entries: four(c), sources: four(c), rests: four(c) };
  const block = blockWriter(c, lanes);
  return () => {
    for (const [lane, entry] of lanes.entries.entries()) {
      c.i32(0)
        .load('i32.load', tokenSpace.laneEntries + lane * 4)
        .tee(entry)
        .load('i32.load', 0)
        .set(lanes.sources[lane] as number);
      c.get(entry)
        .load('i32.load', 4)
        .set(lanes.rests[lane] as number);
    }
    emitStart(c, 0);
    c.loop((nextBlock) => {
      block();
      c.get(longer);
      c.if(() => emitCopy(c, tokenSpace.state, tokenSpace.earlierState));
      compress();
      c.get(longer);
      c.if(() => emitKeepDone(c, lanes));
      emitAdvance(c, lanes);
      c.i32(0);
      for (const rest of lanes.rests) c.get(rest).i32(notDone).op('i32.gt_s', 'i32.or');
      c.brIf(nextBlock);
    });
    emitCopy(c, tokenSpace.state, tokenSpace.block);
    for (let word = 8; word < 16; word += 1) {
      c.i32(tokenSpace.block)
        .i32(word === 8 ? 0x8000_0000 : word === 15 ? (hashBlockBytes + 32) * 8 : 0)
        .vec('i32x4.splat')
        .store('v128.store', word * 16);
    }
    emitStart(c, 32);
    compress();
    return lanes;
  };
}

/** Sets all lanes to the inner (0) or outer (32) state of the key. */
function emitStart(c: Code, offset: number): void {
  for (let word = 0; word < 8; word += 1) {
    c.i32(tokenSpace.state)
      .i32(tokenSpace.keyStates)
      .load('v128.load32_splat', offset + word * 4)
      .store('v128.store', word * 16);
  }
}

/** Eight vectors. */
function emitCopy(c: Code, from: number, to: number): void {
  for (let offset = 0; offset < 128; offset += 16) c.i32(to).i32(from).load('v128.load', offset).store('v128.store', offset);
}

/** Pushes a vector made of one word a lane. */
function pushLanes(c: Code, word: (lane: number) => void): void {
  for (let lane = 0; lane < 4; lane += 1) {
    word(lane);
    if (lane === 0) c.vec('i32x4.splat');
    else c.replaceLane32(lane);
  }
}

/** A lane whose text had ended before this block gets the state that it had. */
function emitKeepDone(c: Code, { rests }: Lanes): void {
  const busy = c.local('v128');
  pushLanes(c, (lane) =>
    c
      .i32(0)
      .get(rests[lane] as number)
      .i32(notDone)
      .op('i32.gt_s', 'i32.sub'),
  );
  c.set(busy);
  for (let offset = 0; offset < 128; offset += 16) {
    c.i32(tokenSpace.state).i32(tokenSpace.state).load('v128.load', offset);
    c.i32(tokenSpace.earlierState).load('v128.load', offset).get(busy).vec('v128.bitselect').store('v128.store', offset);
  }
  c.release('v128', busy);
}

/** To the next block in each lane that is not done; the other ones stay, so that nothing far behind a text is read. */
function emitAdvance(c: Code, { sources, rests }: Lanes): void {
  const step = c.local('i32');
  for (const [lane, rest] of rests.entries()) {
    const source = sources[lane] as number;
    c.get(rest).i32(notDone).op('i32.gt_s').i32(6).op('i32.shl').set(step);
    c.get(rest).get(step).op('i32.sub').set(rest);
    c.get(source).get(step).op('i32.add').set(source);
  }
  c.release('i32', step);
}

/** Emits the next block of all lanes into `tokenSpace.block`: text, the bit that ends it, zeros and the length in bits, the key's block included. */
function blockWriter(c: Code, { entries, sources, rests }: Lanes): () => void {
  const swap = constant(c, swapWords);
  const endBit = constant(
    c,
    zeros.map(() => 0x80),
  );
  const places = [0, 16, 32, 48].map((from) =>
    constant(
      c,
      upFromZero.map((at) => from + at),
    ),
  );
  const vectors = (): Four => [c.local('v128'), c.local('v128'), c.local('v128'), c.local('v128')];
  const [rows, restBytes] = [vectors(), vectors()];
  return () => {
    for (const [lane, rest] of rests.entries()) {
      c.get(rest).i32(hashBlockBytes).get(rest).i32(hashBlockBytes).op('i32.lt_s', 'select');
      c.vec('i8x16.splat').set(restBytes[lane] as number);
    }
    for (const [quarter, place] of places.entries()) {
      for (const [lane, row] of rows.entries()) {
        const rest = restBytes[lane] as number;
        c.get(sources[lane] as number).load('v128.load', quarter * 16);
        c.get(rest).get(place).vec('i8x16.gt_s', 'v128.and');
        c.get(rest).get(place).vec('i8x16.eq').get(endBit).vec('v128.and', 'v128.or');
        c.get(swap).vec('i8x16.relaxed_swizzle').set(row);
      }
      transpose(c, rows);
      if (quarter === 3) {
        c.get(rows[3]);
        pushLanes(c, (lane) => emitBits(c, entries[lane] as number, rests[lane] as number));
        c.vec('v128.or').set(rows[3]);
      }
      for (const [word, row] of rows.entries())
        c.i32(tokenSpace.block)
          .get(row)
          .store('v128.store', (quarter * 4 + word) * 16);
    }
  };
}

/** Pushes the length in bits where this is a lane's last block, otherwise 0. */
function emitBits(c: Code, entry: number, rest: number): void {
  c.get(entry).load('i32.load', 4).i32(hashBlockBytes).op('i32.add').i32(3).op('i32.shl');
  c.i32(0).get(rest).i32(shortBytesMax).op('i32.le_s', 'select');
}

/** Emits the digests in `tokenSpace.state` in hexadecimal into the lanes' slots. */
function slotWriter(c: Code, hexLength: number): (lanes: Lanes) => void {
  const swap = constant(c, swapWords);
  const tables = hexTables(c);
  const tail = tailMask(c, hexLength);
  const vectors = (): Four => [c.local('v128'), c.local('v128'), c.local('v128'), c.local('v128')];
  const [firstWords, lastWords, hex] = [vectors(), vectors(), vectors()];
  return ({ entries }) => {
    for (const [half, words] of [firstWords, lastWords].entries()) {
      for (const [word, local] of words.entries())
        c.i32(tokenSpace.state)
          .load('v128.load', (half * 4 + word) * 16)
          .set(local);
      transpose(c, words);
    }
    for (const [lane, entry] of entries.entries()) {
      for (const [half, words] of [firstWords, lastWords].entries()) {
        const digest = words[lane] as number;
        c.get(digest).get(swap).vec('i8x16.relaxed_swizzle').set(digest);
        hexOf(c, digest, half === 0 ? [hex[0], hex[1]] : [hex[2], hex[3]], tables);
      }
      storeSlot(c, entry, hex, hexLength, tail);
    }
  };
}
