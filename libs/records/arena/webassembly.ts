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

/** The exports of a kernel module over the memories that it imports from `env`. */
export function instantiateKernel<Exports>(bytes: Uint8Array, memories: Record<string, WebAssembly.Memory>): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: memories }).exports as unknown as Exports;
}
