/** Agreements that one run of a Program serves, and what happens with its results: batches for each topic, counts for each Receipt. */
import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey } from 'node:crypto';
import { topicNames } from '../../libs/base/index.ts';
import type { BatchSink, BoundProgram, ProgramOutput, RunSink } from '../../libs/govern/index.ts';
import {
  deriveRecordIdKey,
  hasDeletes,
  outcomes,
  refusalOf,
  refusals,
  tellErased,
  tellRecords,
  tellSuppressed,
} from '../../libs/govern/index.ts';
import type { HeaderList, RecordFrames } from '../../libs/records/index.ts';
import { newestTime, sharedArena } from '../../libs/records/index.ts';
import { headerNames } from '../../libs/telemetry/index.ts';
import type { LiveAgreement } from './directive-board.ts';
import type { GovernedWriter, OutputPlace } from './governed-writer.ts';
import type { Tally } from './tally.ts';
import { countRun } from './tally.ts';
import type { TransactionDraft } from './transaction-draft.ts';

/** The first raw offset that an agreement takes. */
export interface LaneFrom {
  readonly agreement: LiveAgreement;
  readonly from: bigint;
  /** Largest batch of its topic, where that is less than usual. */
  readonly bytesMax?: number;
}

/** Agreements whose Programs are the same, with the same needs resolved to the same keys, that begin at the same offset. */
export interface LaneGroup {
  readonly members: readonly LiveAgreement[];
  readonly from: bigint;
  readonly bytesMax?: number;
}

/** Puts agreements together that one computation serves; each keeps its own topic. */
export function groupLanes(lanes: readonly LaneFrom[]): LaneGroup[] {
  const groups = new Map<string, LaneGroup & { readonly members: LiveAgreement[] }>();
  for (const { agreement, ...rest } of lanes) {
    const name = `${rest.from}/${rest.bytesMax ?? ''}/${agreement.computation}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { members: [agreement], ...rest });
    else group.members.push(agreement);
  }
  return [...groups.values()];
}

/** Puts groups together whose Programs go over a batch alike, so that it is gone over once for all of them. */
export function groupWalks(groups: readonly LaneGroup[]): (readonly LaneGroup[])[] {
  const walks = new Map<string, LaneGroup[]>();
  const alone: LaneGroup[][] = [];
  for (const group of groups) {
    const walk = group.members[0]?.walk;
    // What is refused as too large is refused in the output itself, for this group alone.
    if (walk === undefined || group.bytesMax !== undefined) {
      alone.push([group]);
      continue;
    }
    const name = `${group.from}/${walk}`;
    const together = walks.get(name);
    if (together === undefined) walks.set(name, [group]);
    else together.push(group);
  }
  return [...walks.values(), ...alone];
}

/** The key of an agreement's record ids. */
export const recordIdKey = (dataKey: Uint8Array, dataset: string): KeyObject =>
  createSecretKey(deriveRecordIdKey(dataKey, dataset));

export interface GroupSink {
  readonly group: LaneGroup;
  readonly frames: RecordFrames;
  readonly draft: TransactionDraft;
  readonly writer: GovernedWriter;
  /** These go on each governed record. */
  readonly headers: HeaderList;
}

/** A member of the group with its Receipt under way and its topic. */
interface Target {
  readonly agreement: LiveAgreement;
  readonly tally: Tally;
  readonly place: OutputPlace;
}

/** Takes the results of runs over `frames`, which is one batch or several of one partition. */
export function groupSink({ group, frames, draft, writer, headers }: GroupSink): RunSink {
  const { partition } = frames;
  const targets = group.members.map(
    (agreement): Target => ({
      agreement,
      tally: draft.tally(agreement, partition),
      place: { topic: topicNames.governed(draft.dataset, agreement.agreement), partition },
    }),
  );
  const places = targets.map(({ place }) => place);
  const digests = targets.map(({ tally }) => tally.digest);
  const nowMs = Date.now();
  return {
    ran: (program, from, to, out) => {
      if (group.bytesMax !== undefined) refuseTooLarge(out, from, to, group.bytesMax);
      if (isPlain(group, program, out) && !(program.program.compacted && hasDeletes(out, from, to)))
        ranTogether(program, from, to, out);
      else for (const target of targets) ranOneByOne(target, program, from, to, out);
    },
    unread: (index, reason) => {
      for (const { agreement, tally } of targets) {
        tally.took(frames, index, index + 1);
        tally.refuse(reason);
        draft.refuseRecord(frames, index, agreement.agreement, reason, undefined, null);
      }
    },
    erased: (program, index) => {
      for (const target of targets) {
        target.tally.took(frames, index, index + 1, program);
        tellErased(frames, program, index, recordSink(target, program));
      }
    },
    suppressed: (program, index) => {
      for (const target of targets) {
        // No Program ran, so none is named.
        target.tally.took(frames, index, index + 1);
        target.tally.suppressed += 1;
        tellSuppressed(frames, program, index, recordSink(target, program));
      }
    },
  };

  function ranTogether(program: BoundProgram, from: number, to: number, out: ProgramOutput): void {
    const { pass, reshape, withhold, refused } = countRun(out, from, to);
    const replaced = program.program.fieldPaths.flatMap((path, plan): [string, number][] => {
      const count = out.otherwise[plan] as number;
      return count === 0 ? [] : [[path, count]];
    });
    const timestampMsMax = newestTime(sharedArena(), frames, from, to);
    for (const { tally } of targets) {
      tally.took(frames, from, to, program, timestampMsMax);
      tally.govern(pass, reshape);
      tally.withhold(withhold);
      for (const [path, count] of replaced) tally.replaced(path, count);
    }
    for (const index of refused) {
      const { reason, field } = refusalOf(program, out, index);
      for (const { agreement, tally } of targets) {
        tally.refuse(reason);
        draft.refuseRecord(frames, index, agreement.agreement, reason, program, field);
      }
    }
    if (pass + reshape === 0) return;
    draft.digests.addRun(digests, sharedArena(), from, to);
    const codec = group.members[0]?.directive.compression ?? 'none';
    const timestamp = program.program.timestamp === 'keep' ? 'keep' : { nowMs };
    const bytesMax = group.bytesMax === undefined ? {} : { bytesMax: group.bytesMax };
    writer.write(places, { frames, out, from, to }, { codec, timestamp, headers, ...bytesMax });
  }

  function ranOneByOne(target: Target, program: BoundProgram, from: number, to: number, out: ProgramOutput): void {
    target.tally.took(frames, from, to, program);
    tellRecords(frames, program, from, to, out, recordSink(target, program));
  }

  function recordSink({ agreement, tally, place }: Target, program: BoundProgram): BatchSink {
    const keeps = program.program.timestamp === 'keep';
    const leave = (index: number, key: Uint8Array | null, value: Uint8Array | null, leaving: HeaderList): void => {
      tally.digest.add(key, value);
      const timestampMs = BigInt(keeps ? Math.trunc(frames.timestampMs[index] as number) : nowMs);
      writer.append(place, key, value, [...leaving, ...recordId(agreement, frames, index), ...headers], timestampMs);
    };
    const sink: BatchSink = {
      governed: (index, _, results, outcome, leaving) => {
        tally.govern(outcome === 'pass' ? 1 : 0, outcome === 'pass' ? 0 : 1);
        const key = slice(results, results.keyStart[index] as number, results.keyEnd[index] as number);
        const value = slice(results, results.valueStart[index] as number, results.valueEnd[index] as number);
        leave(index, key, value, leaving);
      },
      otherwise: (field, count) => tally.replaced(field, count),
      withheld: () => tally.withhold(1),
      deleted: (index, by, key, why) => {
        if (!fitsBatch(key.length, group.bytesMax)) {
          sink.refused(index, 'output-too-large', by, null);
          return;
        }
        if (why === 'null-value') tally.govern(0, 1);
        else tally.withhold(1);
        leave(index, key, null, []);
      },
      refused: (index, reason, by, field) => {
        tally.refuse(reason);
        draft.refuseRecord(frames, index, agreement.agreement, reason, by, field);
      },
    };
    return sink;
  }
}

/** Refuses the governed records that no batch of this size can hold. */
export function refuseTooLarge(out: ProgramOutput, from: number, to: number, bytesMax: number): void {
  for (let index = from; index < to; index += 1) {
    const value = (out.valueEnd[index] as number) - (out.valueStart[index] as number);
    const key = (out.keyEnd[index] as number) - (out.keyStart[index] as number);
    if ((out.valueStart[index] as number) < 0 || fitsBatch(value + key, bytesMax)) continue;
    out.outcome[index] = outcomes.refuse;
    out.reason[index] = refusals.indexOf('output-too-large');
    out.field[index] = -1;
    out.valueStart[index] = -1;
    out.keyStart[index] = -1;
  }
}

/** Whether a batch of this size can hold a record with so many bytes of key and value. */
export const fitsBatch = (bytes: number, bytesMax: number | undefined): boolean =>
  bytesMax === undefined || bytes + aroundBytes <= bytesMax;

/** Bytes of a batch and of its one record besides key and value, headers of ours included. */
const aroundBytes = 256;

/** Whether a run's records have no headers of their own and stand in the arena, so that they can be written in one go. */
const isPlain = ({ members }: LaneGroup, { program }: BoundProgram, out: ProgramOutput): boolean =>
  program.headers.length === 0 && out === sharedArena().output && members[0]?.recordIdKey === undefined;

/** The header by which a record that was delivered twice is known; it says nothing to whoever does not have the key. */
export function recordId({ recordIdKey: key }: LiveAgreement, frames: RecordFrames, index: number): HeaderList {
  if (key === undefined) return [];
  const coordinates = Buffer.alloc(12);
  coordinates.writeInt32BE(frames.partition);
  coordinates.writeBigInt64BE(frames.baseOffset + BigInt(frames.offsetDelta[index] as number), 4);
  return [[headerNames.recordId, createHmac('sha256', key).update(coordinates).digest().subarray(0, 16)]];
}

const slice = (out: ProgramOutput, start: number, end: number): Uint8Array | null =>
  start < 0 ? null : out.bytes.subarray(start, end);
