/** The part of the WebAssembly JavaScript interface that is used here. Source: WebAssembly JavaScript Interface 2.0. */
declare global {
  namespace WebAssembly {
    class Memory {
      constructor(descriptor: { initial: number; maximum: number; shared?: boolean });
      readonly buffer: ArrayBuffer;
    }
    class Module {
      constructor(bytes: Uint8Array);
      static imports(module: Module): { module: string; name: string; kind: string }[];
    }
    class Instance {
      constructor(module: Module, imports: Record<string, Record<string, Memory>>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
  }
}

/** The exports of a kernel module over a memory, and over a second one where it wants one. */
export function instantiateKernel<Exports>(bytes: Uint8Array, memory: WebAssembly.Memory, shared?: WebAssembly.Memory): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: shared === undefined ? { memory } : { memory, shared },
  }).exports as unknown as Exports;
}
