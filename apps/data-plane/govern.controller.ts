/** Governs batches of one partition for agreements of its dataset, with one process span that links to the producers' contexts. */
import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { Span, SpanContext } from '@opentelemetry/api';
import type { LaneRun, Screening } from '../../libs/govern/index.ts';
import { runLanes, screenBatch } from '../../libs/govern/index.ts';
import type { Admission, HeaderList, RecordBatch, RecordFrames } from '../../libs/records/index.ts';
import { admitBatches, newestTime, readHeaders, sharedArena, sliceFrames } from '../../libs/records/index.ts';
import {
  attributeNames,
  endSpan,
  readTraceparent,
  spanLinksMax,
  spanNames,
  startBatchSpan,
  startGovernedSpan,
  writeTraceparent,
} from '../../libs/telemetry/index.ts';
import type { LiveAgreement } from './directive-board.ts';
import type { GovernAnswer, GovernRequest } from './govern-request.ts';
import { governPattern } from './govern-request.ts';
import type { LaneGroup } from './lane-group.ts';
import { groupSink, groupWalks } from './lane-group.ts';
import { LargeBatches, partEnd } from './large-batches.ts';
import { oneBatch } from './portions.ts';
import { suppressRecords } from './suppress.ts';

/** What is governed now. Without `next` it is so many batches as a whole. */
interface Part extends Admission {
  /** Offset of the first record of the batch that is left for later. */
  readonly next?: bigint;
}

@Controller()
export class GovernController {
  readonly #large = new LargeBatches();

  /**
   * Synchronous from the first byte that is admitted to the arena to the last that is wiped from it: every feed of the process uses the same one.
   */
  @MessagePattern(governPattern)
  govern(request: GovernRequest): GovernAnswer {
    const arena = sharedArena();
    try {
      const admission = this.#admit(request);
      if (admission === null) return { kind: 'corrupt' };
      const { frames, taken, next } = admission;
      const screening = screenBatch(frames, request.verdicts);
      const ids = request.unserved(screening.ids).filter((id) => !request.verdicts.has(id));
      if (ids.length > 0) return { kind: 'unserved', ids, taken };
      const { suppressions } = request;
      this.#governAll(request, frames, suppressions === undefined ? screening : suppressRecords(frames, screening, suppressions));
      const timestampMsMax = newestTime(arena, frames, 0, frames.count);
      return { kind: 'governed', taken, records: frames.count, timestampMsMax, ...(next === undefined ? {} : { next }) };
    } finally {
      arena.dismiss();
    }
  }

  /** Whole batches, or a part of the first, where all of it is more than should be governed, or go out, at once. Null when that one is corrupt. */
  #admit({ topic, partition, batches, from, position, most, alone, sliceRecordsMax }: GovernRequest): Part | null {
    const arena = sharedArena();
    const batch = batches.at(from) as RecordBatch;
    if (sliceRecordsMax === undefined && !this.#large.has(topic, partition, batch)) {
      const whole = admitBatches(arena, batches, from, partition, alone ? oneBatch : most);
      if (whole === null) return null;
      if (whole !== undefined && (whole.taken > 1 || whole.frames.bytes.length <= most.wholeBytesMax)) return whole;
    }
    const frames = this.#large.framesOf(topic, partition, batch);
    if (frames === null) return null;
    const begin = firstIndex(frames, position);
    if (begin === frames.count) return { frames: sliceFrames(frames, begin, begin), taken: 1 };
    const end = partEnd(
      frames,
      begin,
      Math.min(most.wholeBytesMax, arena.intake.bytesMax),
      Math.min(most.recordsMax, sliceRecordsMax ?? Infinity),
    );
    const part = sliceFrames(frames, begin, end);
    // A record that the arena cannot hold is over the limit of records: it is refused, and no Program looks at it.
    const admitted = arena.fits(part) ? arena.admit(part) : part;
    if (end === frames.count) return { frames: admitted, taken: 1 };
    return { frames: admitted, taken: 0, next: frames.baseOffset + BigInt(frames.offsetDelta[end] as number) };
  }

  #governAll(request: GovernRequest, frames: RecordFrames, screening: Screening): void {
    const { draft, topic, groups } = request;
    const span = startBatchSpan({
      name: `${spanNames.process} ${topic}`,
      links: contextsOf(frames),
      attributes: {
        [attributeNames.messagingSystem]: 'kafka',
        [attributeNames.messagingOperation]: 'process',
        [attributeNames.messagingDestination]: topic,
        [attributeNames.messagingPartition]: String(frames.partition),
        [attributeNames.messagingBatchCount]: frames.count,
        [attributeNames.offsetFirst]: String(frames.baseOffset),
        [attributeNames.dataset]: draft.dataset,
      },
    });
    for (const walk of groupWalks(groups)) this.#walk(request, frames, screening, walk, span);
    endSpan(span);
  }

  /** Governs for groups of one walk. */
  #walk(request: GovernRequest, frames: RecordFrames, screening: Screening, groups: readonly LaneGroup[], span: Span): void {
    const arena = sharedArena();
    const start = groups[0]?.from ?? 0n;
    const from = firstIndex(frames, start > request.position ? start : request.position);
    if (from === frames.count) return;
    const shares = groups.flatMap((group) => sharesOf(request, frames, group, span));
    const run = (some: readonly Share[]): void => {
      const begunAt = performance.now();
      runLanes(frames, from, screening, some, arena.output);
      request.draft.ran(
        some.flatMap(({ members }) => members),
        performance.now() - begunAt,
      );
    };
    // Only what the arena holds is gone over for several at once.
    if (arena.holds(frames)) run(shares);
    else for (const share of shares) run([share]);
    for (const share of shares) endSpan(share.span);
  }
}

/** Agreements that are written for at once. */
interface Share extends LaneRun {
  readonly members: readonly LiveAgreement[];
  readonly span: Span;
}

/** A trace that two subscribers see would join their records: each that is traced has its own, and then nothing is written for both at once. */
function sharesOf({ draft, writer }: GovernRequest, frames: RecordFrames, group: LaneGroup, processSpan: Span): Share[] {
  const shares: Share[] = [];
  let left: readonly LiveAgreement[] = group.members;
  for (let [first] = left; first !== undefined; [first] = left) {
    const { span, context } = startGovernedSpan(processSpan, spanNames.publish, { [attributeNames.agreement]: first.agreement });
    const members = context === null ? left : [first];
    left = left.slice(members.length);
    const sink = groupSink({ group: { ...group, members }, frames, draft, writer, headers: headersOf(context) });
    shares.push({ lane: first, sink, members, span });
  }
  return shares;
}

const headersOf = (context: SpanContext | null): HeaderList => (context === null ? [] : writeTraceparent([], context));

/** The first record at this offset or behind it. */
function firstIndex({ baseOffset, offsetDelta, count }: RecordFrames, from: bigint): number {
  if (from <= baseOffset) return 0;
  const delta = Number(from - baseOffset);
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsetDelta[middle] as number) < delta) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The producers' contexts of the first records, as many as a span links. */
function* contextsOf(frames: RecordFrames): Iterable<SpanContext | null> {
  for (let index = 0; index < Math.min(frames.count, spanLinksMax); index += 1) {
    const headers = readHeaders(frames, index) ?? [];
    yield readTraceparent(headers.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])));
  }
}
