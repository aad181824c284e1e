/** The kernel's UTF-8 check against the platform's: every way in which two to four bytes can be wrong, at every place of a chunk. */
import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sharedArena } from '../../records/index.ts';
import { addIsShortUtf8, addIsUtf8, addTextTables } from './kernel-text.ts';
import { ModuleWriter } from '../../wasm/index.ts';

const module = new ModuleWriter();
addTextTables(module);
const inner = { any: addIsUtf8(module), short: addIsShortUtf8(module, 1), pair: addIsShortUtf8(module, 2) };
for (const [name, index] of Object.entries(inner)) {
  const { code } = module.function(['i32', 'i32'], ['i32'], name);
  code.get(0).get(1).call(index);
}
const { memory, bytes } = sharedArena();
const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish(1)), { env: { memory } });
const check = instance.exports as unknown as Readonly<Record<keyof typeof inner, (p: number, endOrLength: number) => number>>;
const place = 4_096;

function kernelSays(text: Uint8Array): boolean {
  // What stands behind a text must not count.
  bytes.fill(0xff, place, place + text.length + 64);
  bytes.set(text, place);
  const verdict = check.any(place, place + text.length) === 1;
  // The functions for short texts must say the same of the lengths that they are for.
  const others =
    text.length <= 16 ? [check.short(place, text.length)] : text.length <= 32 ? [check.pair(place, text.length)] : [];
  for (const other of others) expect(other === 1).toBe(verdict);
  bytes.fill(0, place, place + text.length + 64);
  return verdict;
}

describe('the UTF-8 check', () => {
  test('decides every pair of bytes, and every lead with boundary continuations, at every place of a chunk, as the platform does', () => {
    const boundary = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    const sequences: number[][] = [];
    for (let a = 0; a < 256; a += 1) for (let b = 0; b < 256; b += 1) sequences.push([a, b]);
    for (let lead = 0xe0; lead < 0x100; lead += 1) {
      for (const b of boundary)
        for (const c of boundary) sequences.push([lead, b, c], [lead, b, c, 0x80], [lead, b, c, 0x7f], [lead, b, c, 0xbf, 0x80]);
    }
    const wrong: string[] = [];
    for (const [at, sequence] of sequences.entries()) {
      const before = at % 18;
      for (const behind of [0, 1, 15]) {
        const text = Buffer.concat([Buffer.alloc(before, 0x61), Buffer.from(sequence), Buffer.alloc(behind, 0x62)]);
        if (kernelSays(text) !== isUtf8(text)) wrong.push(text.toString('hex'));
      }
    }
    expect(wrong).toEqual([]);
  });

  test('decides texts of any script, sound and damaged, as the platform does', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => Buffer.from(value));
    const damaged = fc.tuple(text, fc.nat(240), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
      const changed = Buffer.from(value);
      if (changed.length > 0) changed[at % changed.length] = byte;
      return changed.subarray(0, changed.length - (byte % 3));
    });
    fc.assert(
      fc.property(fc.oneof(text, damaged, fc.uint8Array({ maxLength: 80 })), (value) =>
        expect(kernelSays(value)).toBe(isUtf8(value)),
      ),
      {
        numRuns: 5_000,
      },
    );
  });
});
