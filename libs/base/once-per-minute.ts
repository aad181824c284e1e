/** What goes on failing is tried again and again: the same sentence is told at once, and then once a minute. */
import type { Failure } from './result.ts';

const silenceMs = 60_000;

/** Tells `log` each failure as `code: message`, unless it was told the same within the last minute. */
export function oncePerMinute(log: (sentence: string) => void): (failure: Failure) => void {
  const told = new Map<string, number>();
  return ({ code, message }) => {
    const sentence = `${code}: ${message}`;
    const now = performance.now();
    for (const [known, at] of told) if (now - at > silenceMs) told.delete(known);
    if (told.has(sentence)) return;
    told.set(sentence, now);
    log(sentence);
  };
}
