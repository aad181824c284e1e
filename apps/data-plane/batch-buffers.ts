/** Buffers for governed batches on their way to the brokers. They are used again: fresh ones of this size cost more than what is written to them. */

/** A batch with the largest single record fits. */
const bufferBytes = 1_100_000;
/** A smaller batch is not worth a buffer of this size. */
const smallBytes = 64 * 1024;
/** Buffers that are kept for later; more are given back to the system. */
const keptMax = 32;

const kept: Buffer[] = [];

/** A copy of these bytes. `done` must be called once it is not needed any more, and at most once; the copy must not be touched after. */
export function copyOf(bytes: Uint8Array): { readonly copy: Buffer; readonly done: () => void } {
  if (bytes.length < smallBytes || bytes.length > bufferBytes) return { copy: Buffer.from(bytes), done: () => undefined };
  const buffer = kept.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  buffer.set(bytes);
  return {
    copy: buffer.subarray(0, bytes.length),
    done: () => {
      if (kept.length < keptMax) kept.push(buffer);
    },
  };
}
