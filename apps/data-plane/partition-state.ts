/**
 * What is committed with a partition's position, in the metadata of the group's offset: the head of its Receipts, whether it waits after a gap, and what nobody
 * could read while somebody has still to come by.
 */
import { z } from 'zod';
import { chainStart } from '../../libs/ledger/index.ts';

export interface PartitionState {
  readonly head: Uint8Array;
  readonly gap: boolean;
  /** The last command that let the partition go on. */
  readonly resumed: string | undefined;
  /** Offsets that are in quarantine as unreadable and that somebody has still to come by, apart or with the others. */
  readonly unreadable: readonly bigint[];
}

/** A broker takes 4,096 bytes of metadata unless it is told otherwise (`offset.metadata.max.bytes`): more offsets than this are not kept. */
const unreadableKeptMax = 100;

const state = z.strictObject({
  head: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  gap: z.literal(true).exactOptional(),
  resumed: z.string().max(64).exactOptional(),
  unreadable: z
    .array(z.string().regex(/^\d{1,19}$/))
    .max(unreadableKeptMax)
    .exactOptional(),
});

export function stateText({ head, gap, resumed, unreadable }: PartitionState): string {
  return JSON.stringify({
    head: Buffer.from(head).toString('base64url'),
    ...(gap ? { gap } : {}),
    ...(resumed === undefined ? {} : { resumed }),
    ...(unreadable.length === 0 ? {} : { unreadable: unreadable.slice(0, unreadableKeptMax).map(String) }),
  });
}

/** Undefined for text that is none of ours: the chain cannot go on from it. An empty one is where an offset was committed by another tool. */
export function parseState(text: string): PartitionState | undefined {
  if (text === '') return { head: chainStart, gap: false, resumed: undefined, unreadable: [] };
  try {
    const { head, gap, resumed, unreadable = [] } = state.parse(JSON.parse(text));
    return { head: Buffer.from(head, 'base64url'), gap: gap ?? false, resumed, unreadable: unreadable.map(BigInt) };
  } catch {
    return undefined;
  }
}
