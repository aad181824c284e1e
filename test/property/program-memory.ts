/** The memories that Programs run in, seen from outside: each one that is made after this file was loaded. */
const memories: InstanceType<typeof WebAssembly.Memory>[] = [];

class WatchedMemory extends WebAssembly.Memory {
  constructor(descriptor: { initial: number; maximum: number }) {
    super(descriptor);
    memories.push(this);
  }
}
Object.defineProperty(WebAssembly, 'Memory', { value: WatchedMemory });

/** Views of all of them. */
export const programMemories = (): Buffer[] => memories.map(({ buffer }) => Buffer.from(buffer));
