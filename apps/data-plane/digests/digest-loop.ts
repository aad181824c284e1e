/** The thread that computes digests: does what the entries of its ring say, and sleeps when there are none. */
import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { SharedRing, Told } from './digest-ring.ts';
import { entriesMax, entryKinds, entryWords, words } from './digest-ring.ts';

const ring = workerData as SharedRing;
const hashes = new Map<number, Hash>();
let finished: Buffer[] = [];

for (let done = 0; ; ) {
  const written = Atomics.load(ring.words, words.written);
  if (written === done) Atomics.wait(ring.words, words.written, written);
  while (done !== written) {
    take((done & (entriesMax - 1)) * entryWords);
    done = (done + 1) | 0;
    Atomics.store(ring.words, words.done, done);
    Atomics.notify(ring.words, words.done);
  }
}

function take(entry: number): void {
  const word = (index: number): number => ring.entries[entry + index] as number;
  const [kind, digest] = [word(0), word(1)];
  switch (kind) {
    case entryKinds.add:
    case entryKinds.addLast:
      hashOf(digest).update(ring.bytes.subarray(word(2), word(2) + word(3)));
      if (kind === entryKinds.addLast) Atomics.store(ring.words, words.freed, word(4));
      return;
    case entryKinds.finish:
      finished.push(hashOf(digest).digest());
      hashes.delete(digest);
      return;
    case entryKinds.tell: {
      const told: Told = { number: digest, digests: new Uint8Array(Buffer.concat(finished)) };
      finished = [];
      parentPort?.postMessage(told);
      return;
    }
    case entryKinds.drop:
      hashes.delete(digest);
      return;
    default:
      throw new Error(`the ring has an entry of kind ${kind}`);
  }
}

function hashOf(digest: number): Hash {
  let hash = hashes.get(digest);
  if (hash === undefined) hashes.set(digest, (hash = createHash('sha256')));
  return hash;
}
