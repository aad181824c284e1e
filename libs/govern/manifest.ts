/** The canonical manifest of a Program: everything that decides its output, and what the host needs to run it. Its SHA-256 is the Program hash. */
import { createHash } from 'node:crypto';
import type { ChannelTerms, StageRule } from '../odrl/index.ts';
import type { KeyNeed } from './program.ts';
import type { HostField, SlotSpec } from './wasm/bind-module.ts';

/** Version of the manifest's form and of the run contract. */
export const abi = 2;

export type Engine = 'wasm' | 'reference';

export interface Manifest {
  readonly abi: number;
  readonly engine: Engine;
  /** SHA-256 of the emitted module. */
  readonly module?: string;
  /** SHA-256 of the kernel module beside it. */
  readonly kernel?: string;
  /** The slots that the host fills: what it needs to know of them. */
  readonly slots?: readonly SlotSpec[];
  /** Fields whose values the host answers for, by the stage's own function. */
  readonly asks: readonly { readonly field: number; readonly label?: string }[];
  readonly writerSchema: unknown;
  /** The schema that the plans are for, where it is not the writer's. */
  readonly contract?: unknown;
  readonly governedSchema: unknown;
  readonly rows: readonly {
    readonly stage: string;
    readonly version: number;
    readonly config: unknown;
  }[];
  readonly fields: readonly {
    readonly at: string;
    readonly stage: string;
    readonly version: number;
    readonly config: unknown;
    readonly else: StageRule['else'];
  }[];
  readonly channels: ChannelTerms;
  /** Absent where the feed is not compacted. */
  readonly compacted?: true;
}

export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function needsOf(slots: readonly SlotSpec[], asks: readonly Pick<HostField, 'label'>[]): KeyNeed[] {
  const labels = [...slots, ...asks].flatMap(({ label }) => (label === undefined ? [] : [label]));
  return [...new Set(labels)].sort().map((label) => ({ label }));
}
