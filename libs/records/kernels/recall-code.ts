/**
 * Emits what knows texts again: a table from the keyed tag of a text to what its slot got. Nothing of the text is kept, and without the key, which is random
 * and its maker's own, a tag says nothing. Source of the tag: SipHash-2-4 with 128 bits of result (Aumasson and Bernstein, 2012).
 */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { gatherEntryBytes, recallSpace, textsOfStep } from '../arena/arena-layout.ts';
import { constant, eachOfField, storeSlot, tailMask, upFromZero } from './lane-code.ts';

const tagBytes = 16;
const setBytes = 2 * recallSpace.lineBytes;
/** The table is a memory by itself: what a batch leaves in the arena is nothing. */
const tableMemory = 1;
/** Offsets of a result's vectors in its line. */
const resultAt = [16, 32, 48] as const;

/** Locals of both halves of a tag. */
interface TagLocals {
  readonly low: number;
  readonly high: number;
}

interface TagWriter extends TagLocals {
  /** Computes the tag of a gather entry's text. */
  compute(entry: number): void;
}

/**
 * tagTexts(gathers, byte behind them, field, work) -> how many texts of the field are in the step. Their entries' addresses are in `entries`, their tags in
 * `tags`; `cursor` says where the next call goes on. By itself, so that hashes overlap here and reads of the table in `recall`.
 */
export function addTagTexts(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32'], 'tagTexts');
  const [entry, end, field, work] = [0, 1, 2, 3] as const;
  const [count, at] = c.locals('i32', 'i32');
  const tag = tagWriter(c, work);
  eachOfField(c, { entry, end, field }, (full) => {
    c.get(count).i32(textsOfStep).op('i32.eq').brIf(full);
    tag.compute(entry);
    c.get(work).get(count).i32(2).op('i32.shl', 'i32.add').get(entry).store('i32.store', recallSpace.entries);
    c.get(work).get(count).i32(4).op('i32.shl', 'i32.add').tee(at).get(tag.low).store('i64.store', recallSpace.tags);
    c.get(at)
      .get(tag.high)
      .store('i64.store', recallSpace.tags + 8);
    c.get(count).i32(1).op('i32.add').set(count);
  });
  c.get(work).get(entry).store('i32.store', recallSpace.cursor);
  c.get(count);
}

/**
 * recall(count, length, work) -> how many texts of the step are not known. The slots of the others are filled. Gather entries of what is not known
 * are copied to `missing`, and their tags move to the front of `tags`. `length` is that of every result, or 0 for results as long as their texts.
 */
export function addRecall(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32'], ['i32'], 'recall');
  const [left, length, work] = [0, 1, 2] as const;
  const [listed, tags, kept, keptTags, line, made, entry, second] = c.locals(
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
    'i32',
  );
  const tag = { low: c.local('i64'), high: c.local('i64') };
  const result = [c.local('v128'), c.local('v128'), c.local('v128')];
  const places = constant(c, upFromZero);
  const put = (local: number, place: number): unknown => c.get(work).i32(place).op('i32.add').set(local);
  put(listed, recallSpace.entries);
  put(tags, recallSpace.tags);
  put(keptTags, recallSpace.tags);
  put(kept, recallSpace.missing);
  c.block((done) => {
    c.loop((next) => {
      c.get(left).op('i32.eqz').brIf(done);
      c.get(listed).load('i32.load').set(entry);
      emitLoadTag(c, tag, tags);
      emitSet(c, tag, line);
      // Which line it is cannot be guessed; whether it is one of them mostly can.
      emitIs(c, tag, line, recallSpace.lineBytes);
      c.set(second);
      emitIs(c, tag, line, 0);
      c.get(second).op('i32.or');
      c.if(
        () => {
          c.get(second).i32(recallSpace.lineBytes).op('i32.mul').get(line).op('i32.add').set(line);
          for (const [index, vector] of result.entries()) c.get(line).load('v128.load', resultAt[index], tableMemory).set(vector);
          c.get(length).get(entry).load('i32.load', 4).get(length).op('select').set(made);
          storeSlot(c, entry, result, made, tailMask(c, made, places));
        },
        () => {
          c.get(kept).get(entry).load('v128.load').store('v128.store');
          c.get(kept).get(entry).load('i32.load', 16).store('i32.store', 16);
          c.get(kept).i32(gatherEntryBytes).op('i32.add').set(kept);
          c.get(keptTags).get(tags).load('v128.load').store('v128.store');
          c.get(keptTags).i32(tagBytes).op('i32.add').set(keptTags);
        },
      );
      c.get(listed).i32(4).op('i32.add').set(listed);
      c.get(tags).i32(tagBytes).op('i32.add').set(tags);
      c.get(left).i32(1).op('i32.sub').set(left).br(next);
    });
  });
  c.get(keptTags).get(work).op('i32.sub').i32(recallSpace.tags).op('i32.sub').i32(4).op('i32.shr_u');
}

/**
 * remember(count, length, work): puts what the slots of `missing` hold into the table, first in its set, where the line that was first becomes the
 * second one. Results of more than 48 bytes are not kept.
 */
export function addRemember(module: ModuleWriter): void {
  const { code: c } = module.function(['i32', 'i32', 'i32'], [], 'remember');
  const [left, length, work] = [0, 1, 2] as const;
  const [entry, tags, line, made, slot, rest] = c.locals('i32', 'i32', 'i32', 'i32', 'i32', 'i32');
  const tag = { low: c.local('i64'), high: c.local('i64') };
  const places = constant(c, upFromZero);
  c.get(work).i32(recallSpace.missing).op('i32.add').set(entry);
  c.get(work).i32(recallSpace.tags).op('i32.add').set(tags);
  c.block((done) => {
    c.loop((next) => {
      c.get(left).op('i32.eqz').brIf(done);
      c.block((skip) => {
        c.get(length).get(entry).load('i32.load', 4).get(length).op('select').tee(made);
        c.i32(recallSpace.resultBytesMax).op('i32.gt_u').brIf(skip);
        emitLoadTag(c, tag, tags);
        emitSet(c, tag, line);
        // The same text may have come twice since it was looked for.
        emitIs(c, tag, line, 0);
        c.brIf(skip);
        for (let offset = 0; offset < recallSpace.lineBytes; offset += 16)
          c.get(line)
            .get(line)
            .load('v128.load', offset, tableMemory)
            .store('v128.store', recallSpace.lineBytes + offset, tableMemory);
        c.get(line).get(tags).load('v128.load').store('v128.store', 0, tableMemory);
        c.get(entry).load('i32.load', 8).set(slot);
        for (const [index, at] of resultAt.entries()) {
          // As many bytes of this vector as the result has: what stands behind a slot is somebody else's.
          c.get(made)
            .i32(index * 16)
            .op('i32.sub')
            .tee(rest)
            .i32(16)
            .get(rest)
            .i32(16)
            .op('i32.lt_s', 'select')
            .set(rest);
          c.get(line);
          c.get(slot).load('v128.load', index * 16);
          c.get(rest).vec('i8x16.splat').get(places).vec('i8x16.gt_s', 'v128.and');
          c.store('v128.store', at, tableMemory);
        }
      });
      c.get(entry).i32(gatherEntryBytes).op('i32.add').set(entry);
      c.get(tags).i32(tagBytes).op('i32.add').set(tags);
      c.get(left).i32(1).op('i32.sub').set(left).br(next);
    });
  });
}

/** Sets `line` to the first line of the tag's set. */
function emitSet(c: Code, { low }: TagLocals, line: number): void {
  c.get(low)
    .op('i32.wrap_i64')
    .i32(recallSpace.sets - 1)
    .op('i32.and')
    .i32(setBytes)
    .op('i32.mul')
    .set(line);
}

/** Pushes whether the line that so many bytes behind has this tag. */
function emitIs(c: Code, { low, high }: TagLocals, line: number, behind: number): void {
  c.get(line).load('i64.load', behind, tableMemory).get(low).op('i64.eq');
  c.get(line)
    .load('i64.load', behind + 8, tableMemory)
    .get(high)
    .op('i64.eq', 'i32.and');
}

function emitLoadTag(c: Code, { low, high }: TagLocals, tags: number): void {
  c.get(tags).load('i64.load').set(low);
  c.get(tags).load('i64.load', 8).set(high);
}

/** Emits the tag of a text; up to seven bytes behind the text are read and not used. The locals are made once. */
function tagWriter(c: Code, work: number): TagWriter {
  const [low, high, word, first, second] = c.locals('i64', 'i64', 'i64', 'i64', 'i64');
  const state = c.locals('i64', 'i64', 'i64', 'i64');
  const [a, b, d, e] = state;
  const [at, left, bytes] = c.locals('i32', 'i32', 'i32');
  const add = (to: number, value: number): unknown => c.get(to).get(value).op('i64.add').set(to);
  const mix = (to: number, bits: bigint, value: number): unknown =>
    c.get(to).i64(bits).op('i64.rotl').get(value).op('i64.xor').set(to);
  const turn = (to: number): unknown => c.get(to).i64(32n).op('i64.rotl').set(to);
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round += 1) {
      add(a, b);
      add(d, e);
      mix(b, 13n, a);
      mix(e, 16n, d);
      turn(a);
      add(d, b);
      add(a, e);
      mix(b, 17n, d);
      mix(e, 21n, a);
      turn(d);
    }
  };
  const take = (): void => {
    c.get(e).get(word).op('i64.xor').set(e);
    rounds(2);
    c.get(a).get(word).op('i64.xor').set(a);
  };
  const ofState = (): unknown => c.get(a).get(b).op('i64.xor').get(d).get(e).op('i64.xor', 'i64.xor');
  c.get(work).load('i64.load', recallSpace.key).set(first);
  c.get(work)
    .load('i64.load', recallSpace.key + 8)
    .set(second);
  return {
    low,
    high,
    compute: (entry) => {
      c.get(first).i64(0x736f6d6570736575n).op('i64.xor').set(a);
      c.get(second)
        .i64(0x646f72616e646f6dn ^ 0xeen)
        .op('i64.xor')
        .set(b);
      c.get(first).i64(0x6c7967656e657261n).op('i64.xor').set(d);
      c.get(second).i64(0x7465646279746573n).op('i64.xor').set(e);
      c.get(entry).load('i32.load', 0).set(at);
      c.get(entry).load('i32.load', 4).tee(bytes).set(left);
      c.block((done) => {
        c.loop((next) => {
          c.get(left).i32(8).op('i32.lt_u').brIf(done);
          c.get(at).load('i64.load').set(word);
          take();
          c.get(at).i32(8).op('i32.add').set(at);
          c.get(left).i32(8).op('i32.sub').set(left).br(next);
        });
      });
      c.get(at).load('i64.load');
      c.i64(1n).get(left).i32(3).op('i32.shl', 'i64.extend_i32_u', 'i64.shl').i64(1n).op('i64.sub', 'i64.and');
      c.get(bytes).op('i64.extend_i32_u').i64(56n).op('i64.shl', 'i64.or').set(word);
      take();
      c.get(d).i64(0xeen).op('i64.xor').set(d);
      rounds(4);
      ofState();
      c.set(low);
      c.get(b).i64(0xddn).op('i64.xor').set(b);
      rounds(4);
      ofState();
      // A line that is free has a tag of zeros.
      c.i64(1n).op('i64.or').set(high);
    },
  };
}
