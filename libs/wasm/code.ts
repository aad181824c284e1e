/** Writes the body of one WebAssembly function: instructions, structured labels, locals. Source: WebAssembly Core Specification 2.0, binary format. */

export const valueTypes = {
  i32: 0x7f,
  i64: 0x7e,
  f64: 0x7c,
  v128: 0x7b,
} as const;
export type ValueType = keyof typeof valueTypes;

/** Plain instructions without immediates. */
const plain = {
  unreachable: 0x00,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  'i32.eqz': 0x45,
  'i32.eq': 0x46,
  'i32.ne': 0x47,
  'i32.lt_s': 0x48,
  'i32.lt_u': 0x49,
  'i32.gt_s': 0x4a,
  'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c,
  'i32.le_u': 0x4d,
  'i32.ge_s': 0x4e,
  'i32.ge_u': 0x4f,
  'i64.eqz': 0x50,
  'i64.eq': 0x51,
  'i64.ne': 0x52,
  'i64.lt_s': 0x53,
  'i64.lt_u': 0x54,
  'i64.gt_s': 0x55,
  'i64.gt_u': 0x56,
  'i64.le_s': 0x57,
  'i64.ge_u': 0x5a,
  'i64.ge_s': 0x59,
  'f64.eq': 0x61,
  'f64.ne': 0x62,
  'f64.lt': 0x63,
  'f64.gt': 0x64,
  'f64.le': 0x65,
  'f64.ge': 0x66,
  'i64.clz': 0x79,
  'i64.ctz': 0x7a,
  'i32.clz': 0x67,
  'i32.ctz': 0x68,
  'i32.popcnt': 0x69,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.div_s': 0x6d,
  'i32.div_u': 0x6e,
  'i32.rem_s': 0x6f,
  'i32.rem_u': 0x70,
  'i32.and': 0x71,
  'i32.or': 0x72,
  'i32.xor': 0x73,
  'i32.shl': 0x74,
  'i32.shr_s': 0x75,
  'i32.shr_u': 0x76,
  'i64.add': 0x7c,
  'i64.sub': 0x7d,
  'i64.mul': 0x7e,
  'i64.div_s': 0x7f,
  'i64.div_u': 0x80,
  'i64.rem_s': 0x81,
  'i64.rem_u': 0x82,
  'i64.and': 0x83,
  'i64.or': 0x84,
  'i64.xor': 0x85,
  'i64.shl': 0x86,
  'i64.shr_s': 0x87,
  'i64.shr_u': 0x88,
  'i64.rotl': 0x89,
  'f64.abs': 0x99,
  'f64.floor': 0x9c,
  'f64.add': 0xa0,
  'f64.mul': 0xa2,
  'f64.div': 0xa3,
  'f64.max': 0xa5,
  'i32.wrap_i64': 0xa7,
  'i64.extend_i32_s': 0xac,
  'i64.extend_i32_u': 0xad,
  'f64.convert_i32_s': 0xb7,
  'f64.convert_i64_s': 0xb9,
  'f32.convert_i32_s': 0xb2,
  'f32.convert_i64_s': 0xb4,
  'f32.demote_f64': 0xb6,
  'f64.promote_f32': 0xbb,
} as const;

/** Memory instructions; the alignment immediate is always 0 (unaligned is allowed). */
const memory = {
  'i32.load': 0x28,
  'i64.load': 0x29,
  'f32.load': 0x2a,
  'f64.load': 0x2b,
  'i32.load8_u': 0x2d,
  'i32.load16_u': 0x2f,
  'i32.store': 0x36,
  'i64.store': 0x37,
  'f32.store': 0x38,
  'f64.store': 0x39,
  'i32.store8': 0x3a,
  'i32.store16': 0x3b,
} as const;

/** Vector instructions without immediates, behind the prefix 0xfd. */
const vector = {
  'i8x16.swizzle': 0x0e,
  /** As `swizzle` for indexes below 16; other ones are not used. Source: Relaxed SIMD, WebAssembly 3.0. */
  'i8x16.relaxed_swizzle': 0x100,
  'i8x16.splat': 0x0f,
  'i32x4.splat': 0x11,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.xor': 0x51,
  'v128.any_true': 0x53,
  'i8x16.bitmask': 0x64,
  'i8x16.shr_u': 0x6d,
  'i8x16.add': 0x6e,
  'i8x16.sub_sat_u': 0x73,
  'i8x16.eq': 0x23,
  'i8x16.gt_s': 0x27,
  'i32x4.shl': 0xab,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'i64x2.splat': 0x12,
  'v128.bitselect': 0x52,
  'i8x16.sub': 0x71,
  'i16x8.extadd_pairwise_i8x16_u': 0x7d,
  'i32x4.extadd_pairwise_i16x8_u': 0x7f,
  'i16x8.shl': 0x8b,
  'i16x8.shr_u': 0x8d,
  'i16x8.add': 0x8e,
  'i16x8.sub': 0x91,
  'i16x8.mul': 0x95,
  'i32x4.sub': 0xb1,
  'i32x4.mul': 0xb5,
  'i32x4.dot_i16x8_s': 0xba,
} as const;

const vectorMemory = {
  'v128.load': 0x00,
  'v128.load32_splat': 0x09,
  'v128.store': 0x0b,
} as const;

/** Where a branch goes: the block or loop that was open at this depth. */
export interface Label {
  readonly depth: number;
}

const emptyBlock = 0x40;

export class Code {
  readonly #bytes: number[] = [];
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;
  readonly #free = new Map<ValueType, number[]>();
  #depth = 0;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local; its value is undefined in the sense that an earlier user may have left one. */
  local(type: ValueType): number {
    const free = this.#free.get(type)?.pop();
    if (free !== undefined) return free;
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  /** New locals, one of each type. */
  locals<const Types extends readonly ValueType[]>(...types: Types): { readonly [Index in keyof Types]: number } {
    return types.map((type) => this.local(type)) as { readonly [Index in keyof Types]: number };
  }

  /** Gives a local back for reuse. */
  release(type: ValueType, local: number): void {
    this.#free.set(type, [...(this.#free.get(type) ?? []), local]);
  }

  op(...names: (keyof typeof plain)[]): this {
    for (const name of names) this.#bytes.push(plain[name]);
    return this;
  }

  vec(...names: (keyof typeof vector)[]): this {
    for (const name of names) this.#bytes.push(0xfd, ...unsignedLeb(vector[name]));
    return this;
  }

  /** `of` is the index of the memory. Source: WebAssembly 3.0, "Memory Instructions": bit 6 of the alignment says that an index follows. */
  load(name: keyof typeof memory | keyof typeof vectorMemory, offset = 0, of = 0): this {
    if (name in vectorMemory) this.#bytes.push(0xfd, vectorMemory[name as keyof typeof vectorMemory]);
    else this.#bytes.push(memory[name as keyof typeof memory]);
    this.#bytes.push(...(of === 0 ? [0] : [0x40, ...unsignedLeb(of)]), ...unsignedLeb(offset));
    return this;
  }

  store(name: keyof typeof memory | 'v128.store', offset = 0, into = 0): this {
    return this.load(name, offset, into);
  }

  get(local: number): this {
    this.#bytes.push(0x20, ...unsignedLeb(local));
    return this;
  }

  set(local: number): this {
    this.#bytes.push(0x21, ...unsignedLeb(local));
    return this;
  }

  tee(local: number): this {
    this.#bytes.push(0x22, ...unsignedLeb(local));
    return this;
  }

  i32(value: number): this {
    this.#bytes.push(0x41, ...signedLeb(BigInt(value | 0)));
    return this;
  }

  i64(value: bigint): this {
    this.#bytes.push(0x42, ...signedLeb(BigInt.asIntN(64, value)));
    return this;
  }

  f64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#bytes.push(0x44, ...bytes);
    return this;
  }

  v128(bytes: readonly number[]): this {
    if (bytes.length !== 16) throw new RangeError('v128: 16 bytes are expected');
    this.#bytes.push(0xfd, 0x0c, ...bytes);
    return this;
  }

  /** Bytes of two vectors by index 0 to 31. */
  shuffle(lanes: readonly number[]): this {
    if (lanes.length !== 16) throw new RangeError('shuffle: 16 lanes are expected');
    this.#bytes.push(0xfd, 0x0d, ...lanes);
    return this;
  }

  extractLane32(lane: number): this {
    this.#bytes.push(0xfd, 0x1b, lane);
    return this;
  }

  replaceLane32(lane: number): this {
    this.#bytes.push(0xfd, 0x1c, lane);
    return this;
  }

  extractLane64(lane: number): this {
    this.#bytes.push(0xfd, 0x1d, lane);
    return this;
  }

  replaceLane64(lane: number): this {
    this.#bytes.push(0xfd, 0x1e, lane);
    return this;
  }

  /** f64 to the nearest i64 towards zero; what is outside of its range becomes its least or largest, and NaN 0. */
  truncSat64(): this {
    this.#bytes.push(0xfc, 6);
    return this;
  }

  memoryCopy(): this {
    this.#bytes.push(0xfc, 10, 0, 0);
    return this;
  }

  memoryFill(): this {
    this.#bytes.push(0xfc, 11, 0);
    return this;
  }

  call(index: number): this {
    this.#bytes.push(0x10, ...unsignedLeb(index));
    return this;
  }

  globalGet(index: number): this {
    this.#bytes.push(0x23, ...unsignedLeb(index));
    return this;
  }

  globalSet(index: number): this {
    this.#bytes.push(0x24, ...unsignedLeb(index));
    return this;
  }

  block(body: (label: Label) => void): this {
    return this.#structured(0x02, body);
  }

  loop(body: (label: Label) => void): this {
    return this.#structured(0x03, body);
  }

  /** Takes the condition from the stack; `result` is the type that both arms leave. */
  if(then: () => void, otherwise?: () => void, result?: ValueType): this {
    this.#bytes.push(0x04, result === undefined ? emptyBlock : valueTypes[result]);
    this.#depth += 1;
    then();
    if (otherwise !== undefined) {
      this.#bytes.push(0x05);
      otherwise();
    }
    this.#depth -= 1;
    this.#bytes.push(0x0b);
    return this;
  }

  br(label: Label): this {
    this.#bytes.push(0x0c, ...unsignedLeb(this.#depth - label.depth));
    return this;
  }

  brIf(label: Label): this {
    this.#bytes.push(0x0d, ...unsignedLeb(this.#depth - label.depth));
    return this;
  }

  /** The function body as the code section takes it, without its size. */
  finish(): number[] {
    const groups: [number, ValueType][] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last !== undefined && last[1] === type) last[0] += 1;
      else groups.push([1, type]);
    }
    const locals = groups.flatMap(([count, type]) => [...unsignedLeb(count), valueTypes[type]]);
    return [...unsignedLeb(groups.length), ...locals, ...this.#bytes, 0x0b];
  }

  #structured(opcode: number, body: (label: Label) => void): this {
    this.#bytes.push(opcode, emptyBlock);
    this.#depth += 1;
    body({ depth: this.#depth });
    this.#depth -= 1;
    this.#bytes.push(0x0b);
    return this;
  }
}

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

function signedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}
