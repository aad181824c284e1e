/**
 * Emits LZ4 and snappy compression with one greedy matcher: a table of 8,192 positions by the hash of four bytes, wiped for each block of
 * 64 KiB, and steps that grow where nothing matches. Source: LZ4 Block Format, LZ4 Frame Format 1.6.4, snappy format_description.txt.
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { batchSpace } from '../arena/arena-layout.ts';
import { emitCopy } from './copy-code.ts';

/** Largest block: its positions take 16 bits, and Kafka's clients take LZ4 blocks of this size. */
const blockBytesMax = 65_536;
const hashBits = 13;
const hashFactor = 0x9e37_79b1;
/** Where nothing matched in 2^6 steps, each step gets a byte longer. */
const patienceBits = 6;
/** The end of an LZ4 block: the last match starts at least 12 bytes before it, and the last five bytes are literals. Snappy asks for neither. */
const lastMatchBytes = 12;
const lastLiteralBytes = 5;
const matchBytesMin = 4;

/** How a format writes what the matcher finds; all arguments are locals. */
interface Format {
  /** Literals from `source` (lost) up to `end`, which a match follows, or nothing when `last`. */
  literals(c: Code, source: number, end: number, target: number, last: boolean): void;
  /** A match that follows the one before directly, with no literals between. */
  noLiterals(c: Code, target: number): void;
  /** `length` is lost. */
  match(c: Code, distance: number, length: number, target: number): void;
}

/** (source, end, target): the address behind the compressed block; `end` - `source` <= `blockBytesMax`. */
function addBlock(module: ModuleWriter, formatOf: (c: Code) => Format): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32'], ['i32']);
  const [start, end, target] = [0, 1, 2] as const;
  const format = formatOf(c);
  const [at, anchor, ahead, found] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const [word, slot, tries, length] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  const [searchEnd, matchEnd, distance] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const differing = c.local('i64');
  const hashed = (): void => {
    c.get(word)
      .i32(hashFactor)
      .op('i32.mul')
      .i32(32 - hashBits)
      .op('i32.shr_u')
      .i32(1)
      .op('i32.shl')
      .set(slot);
  };
  const remember = (): void => {
    c.get(slot).get(at).get(start).op('i32.sub').store('i32.store16', batchSpace.hashes);
  };
  const lookUp = (): void => {
    c.get(start).get(slot).load('i32.load16_u', batchSpace.hashes).op('i32.add').set(found);
  };
  c.i32(batchSpace.hashes)
    .i32(0)
    .i32(batchSpace.hashesEnd - batchSpace.hashes)
    .memoryFill();
  c.get(start).set(anchor);
  c.get(end).i32(lastMatchBytes).op('i32.sub').set(searchEnd);
  c.get(end).i32(lastLiteralBytes).op('i32.sub').set(matchEnd);
  c.block((done) => {
    c.get(end).get(start).op('i32.sub').i32(lastMatchBytes).op('i32.le_u').brIf(done);
    c.get(start).i32(1).op('i32.add').set(at);
    c.loop((seek) => {
      c.get(at).set(ahead);
      c.get(at).load('i32.load').set(word);
      c.i32(1 << patienceBits).set(tries);
      // An empty slot says the first position, which is before every other one, so a distance is at least 1.
      c.loop((search) => {
        c.get(ahead).tee(at).get(searchEnd).op('i32.gt_u').brIf(done);
        c.get(at).get(tries).i32(patienceBits).op('i32.shr_u', 'i32.add').set(ahead);
        c.get(tries).i32(1).op('i32.add').set(tries);
        hashed();
        lookUp();
        remember();
        c.get(found).load('i32.load').get(word).get(ahead).load('i32.load').set(word).op('i32.ne').brIf(search);
      });
      c.block((grown) => {
        c.loop((back) => {
          c.get(at).get(anchor).op('i32.le_u').brIf(grown);
          c.get(found).get(start).op('i32.le_u').brIf(grown);
          c.get(at).i32(1).op('i32.sub').load('i32.load8_u');
          c.get(found).i32(1).op('i32.sub').load('i32.load8_u').op('i32.ne').brIf(grown);
          c.get(at).i32(1).op('i32.sub').set(at);
          c.get(found).i32(1).op('i32.sub').set(found).br(back);
        });
      });
      format.literals(c, anchor, at, target, false);
      c.loop((again) => {
        c.get(at).get(found).op('i32.sub').set(distance);
        c.get(at).i32(matchBytesMin).op('i32.add').set(ahead);
        c.get(found).i32(matchBytesMin).op('i32.add').set(found);
        c.block((differs) => {
          c.loop((equal) => {
            c.get(ahead)
              .load('i64.load')
              .get(found)
              .load('i64.load')
              .op('i64.xor')
              .tee(differing)
              .op('i64.eqz', 'i32.eqz')
              .brIf(differs);
            c.get(found).i32(8).op('i32.add').set(found);
            c.get(ahead).i32(8).op('i32.add').tee(ahead).get(matchEnd).op('i32.lt_u').brIf(equal);
          });
          c.i64(0n).set(differing);
        });
        c.get(differing).op('i64.eqz', 'i32.eqz');
        c.if(() => c.get(ahead).get(differing).op('i64.ctz').i64(3n).op('i64.shr_u', 'i32.wrap_i64', 'i32.add').set(ahead));
        c.get(matchEnd).get(ahead).get(ahead).get(matchEnd).op('i32.gt_u', 'select').tee(ahead);
        c.get(at).op('i32.sub').set(length);
        format.match(c, distance, length, target);
        c.get(ahead).tee(anchor).get(searchEnd).op('i32.gt_u').brIf(done);
        c.get(ahead).i32(2).op('i32.sub').tee(at).load('i32.load').set(word);
        hashed();
        remember();
        c.get(ahead).tee(at).load('i32.load').set(word);
        hashed();
        lookUp();
        remember();
        c.get(found).load('i32.load').get(word).op('i32.eq');
        c.if(() => {
          format.noLiterals(c, target);
          c.br(again);
        });
      });
      c.get(at).i32(1).op('i32.add').set(at).br(seek);
    });
  });
  format.literals(c, anchor, end, target, true);
  c.get(target);
  return index;
}

/** A token with both lengths stands before the literals: it is kept in `pending` and written with the match. */
function lz4(c: Code): Format {
  const [token, pending, rest] = [c.local('i32'), c.local('i32'), c.local('i32')];
  /** Leaves the four bits that stand for the length in `rest`; the bytes of a long length are written. */
  const shortLength = (target: number): void => {
    c.get(rest).i32(15).op('i32.lt_u');
    c.if(
      () => c.get(rest),
      () => {
        c.get(rest).i32(15).op('i32.sub').set(rest);
        c.block((short) => {
          c.loop((next) => {
            c.get(rest).i32(255).op('i32.lt_u').brIf(short);
            c.get(target).i32(255).store('i32.store8');
            c.get(target).i32(1).op('i32.add').set(target);
            c.get(rest).i32(255).op('i32.sub').set(rest).br(next);
          });
        });
        c.get(target).get(rest).store('i32.store8');
        c.get(target).i32(1).op('i32.add').set(target);
        c.i32(15);
      },
      'i32',
    );
  };
  return {
    literals(_, source, end, target, last) {
      c.get(target).set(token);
      c.get(target).i32(1).op('i32.add').set(target);
      c.get(end).get(source).op('i32.sub').set(rest);
      shortLength(target);
      c.i32(4).op('i32.shl').set(pending);
      emitCopy(c, source, end, target);
      if (last) c.get(token).get(pending).store('i32.store8');
    },
    noLiterals(_, target) {
      c.get(target).set(token);
      c.get(target).i32(1).op('i32.add').set(target);
      c.i32(0).set(pending);
    },
    match(_, distance, length, target) {
      c.get(target).get(distance).store('i32.store16');
      c.get(target).i32(2).op('i32.add').set(target);
      c.get(length).i32(matchBytesMin).op('i32.sub').set(rest);
      shortLength(target);
      c.get(pending).op('i32.or').set(pending);
      c.get(token).get(pending).store('i32.store8');
    },
  };
}

function snappy(c: Code): Format {
  const [less, tag] = [c.local('i32'), c.local('i32')];
  const advance = (target: number, by: number): void => {
    c.get(target).i32(by).op('i32.add').set(target);
  };
  const copyOf = (distance: number, length: number, target: number): void => {
    // Tag, two bytes of distance.
    c.get(target).get(length).i32(1).op('i32.sub').i32(2).op('i32.shl').i32(2).op('i32.or');
    c.get(distance).i32(8).op('i32.shl', 'i32.or').store('i32.store');
    advance(target, 3);
  };
  const piece = (bytes: number, distance: number, length: number, target: number): void => {
    c.i32(bytes).set(less);
    copyOf(distance, less, target);
    c.get(length).i32(bytes).op('i32.sub').set(length);
  };
  return {
    literals(_, source, end, target) {
      c.get(source).get(end).op('i32.ne');
      c.if(() => {
        c.get(end).get(source).op('i32.sub').i32(1).op('i32.sub').tee(less).i32(60).op('i32.lt_u');
        c.if(
          () => {
            c.get(target).get(less).i32(2).op('i32.shl').store('i32.store8');
            advance(target, 1);
          },
          () => {
            c.get(less).i32(256).op('i32.lt_u').tee(tag);
            c.if(
              () => {
                c.get(target)
                  .i32(60 << 2)
                  .store('i32.store8');
                c.get(target).get(less).store('i32.store8', 1);
              },
              () => {
                c.get(target)
                  .i32(61 << 2)
                  .store('i32.store8');
                c.get(target).get(less).store('i32.store16', 1);
              },
            );
            c.get(target).i32(3).get(tag).op('i32.sub', 'i32.add').set(target);
          },
        );
        emitCopy(c, source, end, target);
      });
    },
    noLiterals() {},
    match(_, distance, length, target) {
      c.block((short) => {
        c.loop((next) => {
          c.get(length).i32(68).op('i32.lt_u').brIf(short);
          piece(64, distance, length, target);
          c.br(next);
        });
      });
      // What is left after a cut has at least four bytes.
      c.get(length).i32(64).op('i32.gt_u');
      c.if(() => piece(60, distance, length, target));
      c.get(length).i32(12).op('i32.lt_u').get(distance).i32(2048).op('i32.lt_u', 'i32.and');
      c.if(
        () => {
          // Tag with three bits of the length and of the distance, then a byte of the distance.
          c.get(target).get(length).i32(4).op('i32.sub').i32(2).op('i32.shl').i32(1).op('i32.or');
          c.get(distance).i32(8).op('i32.shr_u').i32(5).op('i32.shl', 'i32.or');
          c.get(distance).i32(8).op('i32.shl', 'i32.or').store('i32.store16');
          advance(target, 2);
        },
        () => copyOf(distance, length, target),
      );
    },
  };
}

/** `packLz4(source, length, target)`: a whole LZ4 frame of independent blocks without checksums; the address behind it. */
export function addPackLz4(module: ModuleWriter): void {
  const block = addBlock(module, lz4);
  const { code: c } = module.function(['i32', 'i32', 'i32'], ['i32'], 'packLz4');
  const [source, length, target] = [0, 1, 2] as const;
  const [end, blockEnd, packedEnd] = [c.local('i32'), c.local('i32'), c.local('i32')];
  for (const [offset, byte] of lz4FrameHeader.entries()) c.get(target).i32(byte).store('i32.store8', offset);
  c.get(target).i32(lz4FrameHeader.length).op('i32.add').set(target);
  emitBlocks(c, source, length, end, blockEnd, () => {
    c.get(source).get(blockEnd).get(target).i32(4).op('i32.add').call(block).set(packedEnd);
    c.get(packedEnd).get(target).op('i32.sub').i32(4).op('i32.sub').get(blockEnd).get(source).op('i32.sub', 'i32.lt_u');
    c.if(
      () => {
        c.get(target).get(packedEnd).get(target).op('i32.sub').i32(4).op('i32.sub').store('i32.store');
        c.get(packedEnd).set(target);
      },
      () => {
        // As it is, which the upper bit says.
        c.get(target).get(blockEnd).get(source).op('i32.sub').i32(0x8000_0000).op('i32.or').store('i32.store');
        c.get(target).i32(4).op('i32.add').set(target);
        emitCopy(c, source, blockEnd, target);
      },
    );
  });
  c.get(target).i32(0).store('i32.store');
  c.get(target).i32(4).op('i32.add');
}

/** Magic; version 1, independent blocks; blocks of up to 64 KiB; second byte of the XXH32 of these two. */
const lz4FrameHeader = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82] as const;

/** `packSnappy(source, length, target)`: one raw snappy block; the address behind it. */
export function addPackSnappy(module: ModuleWriter): void {
  const block = addBlock(module, snappy);
  const { code: c } = module.function(['i32', 'i32', 'i32'], ['i32'], 'packSnappy');
  const [source, length, target] = [0, 1, 2] as const;
  const [end, blockEnd, rest] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.get(length).set(rest);
  c.block((short) => {
    c.loop((next) => {
      c.get(rest).i32(0x80).op('i32.lt_u').brIf(short);
      c.get(target).get(rest).i32(0x80).op('i32.or').store('i32.store8');
      c.get(target).i32(1).op('i32.add').set(target);
      c.get(rest).i32(7).op('i32.shr_u').set(rest).br(next);
    });
  });
  c.get(target).get(rest).store('i32.store8');
  c.get(target).i32(1).op('i32.add').set(target);
  emitBlocks(c, source, length, end, blockEnd, () => {
    c.get(source).get(blockEnd).get(target).call(block).set(target);
  });
  c.get(target);
}

/** Runs `body` for each block from `source` to `blockEnd`, then wipes the table of positions. */
function emitBlocks(c: Code, source: number, length: number, end: number, blockEnd: number, body: () => void): void {
  const following = c.local('i32');
  c.get(source).get(length).op('i32.add').set(end);
  c.block((done) => {
    c.loop((next) => {
      c.get(source).get(end).op('i32.ge_u').brIf(done);
      c.get(source).i32(blockBytesMax).op('i32.add').get(end);
      c.get(end).get(source).op('i32.sub').i32(blockBytesMax).op('i32.gt_u', 'select').tee(blockEnd).set(following);
      body();
      c.get(following).set(source).br(next);
    });
  });
  c.i32(batchSpace.hashes)
    .i32(0)
    .i32(batchSpace.hashesEnd - batchSpace.hashes)
    .memoryFill();
}
