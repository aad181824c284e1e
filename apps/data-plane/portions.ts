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

/** What is admitted at once: small enough that the processor's caches hold it, that nobody waits long for the thread, and for what goes out of it. */
export function admissionOf(groups: readonly LaneGroup[]): AdmissionLimits {
  const together = groups.reduce((most, { members }) => Math.max(most, members.length), 1);
  const all = groups.reduce((sum, { members }) => sum + members.length, 0);
  const atOnce = Math.max(together, Math.min(all, membersAtOnceMax));
  const bytesMax = Math.max(64 * 1024, Math.min(admittedBytesMax, Math.floor(governedBytesMax / atOnce)));
  return { bytesMax, recordsMax: admittedRecordsMax };
}

export const one: AdmissionLimits = { bytesMax: 0, recordsMax: 0 };
const admittedBytesMax = 512 * 1024;
const admittedRecordsMax = 2_048;
/** Bytes that go out of one call, about. */
const governedBytesMax = 16 * 1024 * 1024;
const membersAtOnceMax = 32;

/** Records of a batch that is taken in slices: so few that a transaction can seal them, if all agreements refuse each of them. */
export function sliceRecordsMax(
  groups: readonly LaneGroup[],
  { quarantineOriginalsMax, quarantineRecordsMax }: WorkerLimits,
): number {
  const members = groups.reduce((sum, group) => sum + group.members.length, 0);
  return Math.max(1, Math.min(quarantineOriginalsMax, Math.floor(quarantineRecordsMax / members)));
}
