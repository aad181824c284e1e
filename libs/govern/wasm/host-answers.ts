/**
 * Answers for values whose result only the stage's own function knows: takes the asks of a run, applies the function, and writes the encoded
 * results into the arena, where the module copies them from.
 */
import { limits, readVarlong, writeVarlong } from '../../base/index.ts';
import type { TypeModel } from '../../avro/index.ts';
import type { Arena, RecordFrames } from '../../records/index.ts';
import { answerEntryBytes, askEntryBytes } from '../../records/index.ts';
import { outcomes, refusals } from '../program.ts';
import type { Reference, ValueContext } from '../stage.ts';
import { unfit } from '../stage.ts';
import type { HostField } from './bind-module.ts';
import { askKinds } from './emission.ts';

interface Answering {
  readonly reference: Reference;
  readonly result: TypeModel;
  /** As it was planned for. */
  readonly type: TypeModel;
  /** Whether a value that does not fit refuses its record. */
  readonly refuses: boolean;
  readonly hasSubject: boolean;
}

const reasonUnfit = refusals.indexOf('value-unfit');
const reasonTooLarge = refusals.indexOf('output-too-large');
const wordsPerAsk = askEntryBytes / 4;
const wordsPerAnswer = answerEntryBytes / 4;

export class HostAnswers {
  readonly #arena: Arena;
  readonly #fields = new Map<number, Answering>();
  #used = 0;
  #answered = 0;

  constructor(arena: Arena, asks: readonly HostField[], keyOf: (label: string) => Uint8Array) {
    this.#arena = arena;
    for (const { field, action, label, type, refuses } of asks) {
      this.#fields.set(field, {
        reference: action.reference(label === undefined ? undefined : { key: keyOf(label) }),
        result: action.result,
        type,
        refuses,
        hasSubject: action.subject !== undefined,
      });
    }
  }

  /** Answers for the records [from, to) that were checked; returns the first one whose answers had no room. */
  answer(frames: RecordFrames, from: number, to: number): number {
    const arena = this.#arena;
    const { outcome, reason, field } = arena.output;
    const count = arena.askCount;
    this.#used = arena.results;
    this.#answered = 0;
    while (this.#answered < count) {
      const record = this.#word(this.#answered, 3);
      if (record >= to) break;
      if (record > from && arena.resultsEnd - this.#used < limits.recordBytesMax + 16) return record;
      const verdict = this.#record(frames, record, count);
      if (verdict === undefined) continue;
      outcome[record] = outcomes.refuse;
      reason[record] = verdict.reason;
      field[record] = verdict.field;
    }
    return to;
  }

  /** Clears what the answers of a run left in the arena. */
  wipe(): void {
    const { bytes, results, answers } = this.#arena;
    if (this.#used > results) bytes.fill(0, results, this.#used);
    bytes.fill(0, answers, answers + this.#answered * answerEntryBytes);
    this.#used = results;
    this.#answered = 0;
  }

  /** Answers for one record; why it is refused, if it is. */
  #record(frames: RecordFrames, record: number, count: number): { reason: number; field: number } | undefined {
    const { words, answers } = this.#arena;
    let unfitField: number | undefined;
    let size = 0;
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[record] as number);
    for (; this.#answered < count && this.#word(this.#answered, 3) === record; this.#answered += 1) {
      const plan = this.#word(this.#answered, 2);
      const field = this.#fields.get(plan);
      if (field === undefined) throw new Error('HostAnswers: a value has nobody who answers for it');
      const context: ValueContext = {
        partition: frames.partition,
        offset,
        occurrence: this.#word(this.#answered, 4),
        subject: field.hasSubject ? this.#subject(this.#answered) : null,
      };
      const result = field.reference(this.#value(field.type, this.#answered), context);
      const at = (answers >> 2) + this.#answered * wordsPerAnswer;
      if (result === unfit) {
        words[at + 2] = 1;
        if (field.refuses) unfitField ??= plan;
        continue;
      }
      const length = size > limits.recordBytesMax ? 0 : this.#write(field.result, result);
      // What is not of the declared type must not pass; which rule broke its promise is not the record's doing.
      if (length < 0) unfitField ??= -1;
      else {
        words[at] = this.#used - length;
        words[at + 1] = length;
        size += length;
      }
    }
    if (unfitField !== undefined) return { reason: reasonUnfit, field: unfitField };
    return size > limits.recordBytesMax ? { reason: reasonTooLarge, field: -1 } : undefined;
  }

  #word(ask: number, word: number): number {
    return this.#arena.words[(this.#arena.asks >> 2) + ask * wordsPerAsk + word] as number;
  }

  #subject(ask: number): string | null {
    const length = this.#word(ask, 6);
    const start = this.#word(ask, 5);
    return length < 0 ? null : this.#arena.bytes.toString('utf8', start, start + length);
  }

  /** The value as the codec would give it, as the type that was planned for. */
  #value(type: TypeModel, ask: number): unknown {
    const { bytes } = this.#arena;
    const start = this.#word(ask, 0);
    const from = askKinds[this.#word(ask, 7)];
    switch (from) {
      case 'string':
      case 'bytes': {
        const end = start + this.#word(ask, 1);
        return type.kind === 'string' ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end));
      }
      case 'int':
      case 'long': {
        const whole = readVarlong({
          bytes,
          position: start,
          end: start + 10,
          failed: false,
        });
        if (type.kind === 'long') return whole;
        return type.kind === 'float' ? Math.fround(Number(whole)) : Number(whole);
      }
      case 'float':
        return bytes.readFloatLE(start);
      case 'double':
        return bytes.readDoubleLE(start);
      default:
        throw new Error('HostAnswers: a value of this kind is not answered for');
    }
  }

  /** Encodes a result behind those before; its length, or -1 when it is not of the type. A result larger than a record is not written. */
  #write(type: TypeModel, result: unknown): number {
    const { bytes } = this.#arena;
    const start = this.#used;
    switch (type.kind) {
      case 'string':
      case 'bytes': {
        const isText = type.kind === 'string';
        if (isText ? typeof result !== 'string' : !Buffer.isBuffer(result)) return -1;
        const size = isText ? Buffer.byteLength(result as string) : (result as Buffer).length;
        if (size > limits.recordBytesMax || start + size + 16 > this.#arena.resultsEnd) return limits.recordBytesMax + 1;
        const at = writeVarlong(bytes, start, BigInt(size));
        if (isText) bytes.write(result as string, at, 'utf8');
        else (result as Buffer).copy(bytes, at);
        this.#used = at + size;
        break;
      }
      case 'int':
        if (typeof result !== 'number' || (result | 0) !== result) return -1;
        this.#used = writeVarlong(bytes, start, BigInt(result));
        break;
      case 'long': {
        const whole = typeof result === 'bigint' ? result : Number.isSafeInteger(result) ? BigInt(result as number) : undefined;
        if (whole === undefined || BigInt.asIntN(64, whole) !== whole) return -1;
        this.#used = writeVarlong(bytes, start, whole);
        break;
      }
      case 'float':
        if (typeof result !== 'number') return -1;
        this.#used = bytes.writeFloatLE(result, start);
        break;
      case 'double':
        if (typeof result !== 'number') return -1;
        this.#used = bytes.writeDoubleLE(result, start);
        break;
      case 'boolean':
        if (typeof result !== 'boolean') return -1;
        this.#used = bytes.writeUInt8(result ? 1 : 0, start);
        break;
      default:
        return -1;
    }
    return this.#used - start;
  }
}
