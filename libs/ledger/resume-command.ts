/** The record of `sluice.positions` with which an operator lets a partition go on after a gap: the CLI writes it, the data plane reads it. */

/** Where a partition with a gap goes on. */
export interface ResumeCommand {
  /** Distinguishes one command from the next: each is done once. */
  readonly id: string;
  /** The first raw offset to read; the first one that the topic has when the command is taken. */
  readonly at: bigint | 'earliest';
}

/** Key `<dataset>/<partition>`, so that of the commands for a partition the last one stays. */
export const resumeRecord = (
  dataset: string,
  partition: number,
  { id, at }: ResumeCommand,
): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: Buffer.from(`${dataset}/${partition}`),
  value: Buffer.from(JSON.stringify({ version: 1, kind: 'resume', id, at: String(at) })),
});
