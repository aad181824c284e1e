/** How much is governed in one call: of the agreements, and of the records. */
import type { AdmissionLimits } from '../../libs/records/index.ts';
import type { WorkerLimits } from './config.ts';
import type { LaneGroup } from './lane-group.ts';

/** Groups in portions and in their order, in which those of one walk are together, so that what goes out of one call stays within bounds. */
export function portionsOf(groups: readonly LaneGroup[]): readonly (readonly LaneGroup[])[] {
  const chunks: LaneGroup[][] = [];
  let members = 0;
  for (const group of groups) {
    members += group.members.length;
    const last = chunks.at(-1);
    if (last === undefined || members > membersAtOnceMax) {
      chunks.push([group]);
      members = group.members.length;
    } else last.push(group);
  }
  return chunks;
}

/** What is taken at once. */
export interface PortionLimits extends AdmissionLimits {
  /** A batch of more is taken in parts of as much, decompressed. */
  readonly wholeBytesMax: number;
}

/** Small enough that the processor's caches hold it, that nobody waits long for the thread, and for what goes out of it. */
export function portionOf(groups: readonly LaneGroup[]): PortionLimits {
  const together = groups.reduce((most, { members }) => Math.max(most, members.length), 1);
  const all = groups.reduce((sum, { members }) => sum + members.length, 0);
  const atOnce = Math.max(together, Math.min(all, membersAtOnceMax));
  const bytesMax = Math.max(64 * 1024, Math.min(admittedBytesMax, Math.floor(governedBytesMax / atOnce)));
  return {
    bytesMax,
    recordsMax: admittedRecordsMax,
    wholeBytesMax: Math.max(bytesMax, Math.floor(wholeGovernedBytesMax / atOnce)),
  };
}

export const oneBatch: AdmissionLimits = { bytesMax: 0, recordsMax: 0 };
const admittedBytesMax = 512 * 1024;
const admittedRecordsMax = 2_048;
/** Bytes that go out of one call, about: of several batches, and of one that is not taken in parts. */
const governedBytesMax = 16 * 1024 * 1024;
const wholeGovernedBytesMax = 128 * 1024 * 1024;
const membersAtOnceMax = 32;

/** Records of a batch that is taken in slices: so few that a transaction can seal them, if all agreements refuse each of them. */
export function sliceRecordsMax(
  groups: readonly LaneGroup[],
  { quarantineOriginalsMax, quarantineRecordsMax }: WorkerLimits,
): number {
  const members = groups.reduce((sum, group) => sum + group.members.length, 0);
  return Math.max(1, Math.min(quarantineOriginalsMax, Math.floor(quarantineRecordsMax / members)));
}
