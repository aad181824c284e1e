/** What is committed with a partition's position, in the metadata of the group's offset: the head of its Receipts, and whether it waits after a gap. */
import { z } from 'zod';
import { chainStart } from '../../libs/ledger/index.ts';

export interface PartitionState {
  readonly head: Uint8Array;
  readonly gap: boolean;
  /** The last command that let the partition go on. */
  readonly resumed: string | undefined;
}

const state = z.strictObject({
  head: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  gap: z.literal(true).exactOptional(),
  resumed: z.string().max(64).exactOptional(),
});

export function stateText({ head, gap, resumed }: PartitionState): string {
  return JSON.stringify({
    head: Buffer.from(head).toString('base64url'),
    ...(gap ? { gap } : {}),
    ...(resumed === undefined ? {} : { resumed }),
  });
}

/** Undefined for text that is none of ours: the chain cannot go on from it. An empty one is where an offset was committed by another tool. */
export function parseState(text: string): PartitionState | undefined {
  if (text === '') return { head: chainStart, gap: false, resumed: undefined };
  try {
    const { head, gap, resumed } = state.parse(JSON.parse(text));
    return { head: Buffer.from(head, 'base64url'), gap: gap ?? false, resumed };
  } catch {
    return undefined;
  }
}
