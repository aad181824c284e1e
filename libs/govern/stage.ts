/** What a Stage is: a named rule-maker that plans against a schema. It never sees a record. */
import type { z } from 'zod';
import type { Result } from '../base/index.ts';
import type { AvroSchema, TypeModel } from '../avro/index.ts';
import type { Otherwise } from '../odrl/index.ts';
import type { Lowering } from './lowering.ts';
import type { Predicate } from './predicate.ts';

/** A value that does not fit its rule: the rule's `else` decides. */
export const unfit: unique symbol = Symbol('unfit');

/** Keys that a transform asked for, resolved by the host. */
interface ResolvedNeed {
  /** 32 bytes, for this agreement, label and epoch alone. */
  readonly key: Uint8Array;
}

/** Where a value stands. A function of these is the same when the record is governed again, so a retry tells nothing new. */
export interface ValueContext {
  /** Of the raw topic. */
  readonly partition: number;
  readonly offset: bigint;
  /** Which of the values that the rule governs in this record, in the order of its bytes; 0 where the path leads to one alone. */
  readonly occurrence: number;
  /** The raw text of the field that the action names as its subject; null when it names none or the field is null. */
  readonly subject: string | null;
}

/** A function over decoded values: strings, numbers, bigints (long), booleans, Buffers; records, arrays and wrapped unions as the codec has them. */
export type Reference = (value: unknown, at: ValueContext) => unknown;

export interface TransformAction {
  readonly kind: 'transform';
  /** Type of the result; the compiler derives the governed schema from it. */
  readonly result: TypeModel;
  /** Where the size of the result comes from: `fixed`, `input` or `result`. */
  readonly width: 'fixed' | 'input' | 'result';
  /** Label of the key it needs, when it needs one. */
  readonly keyLabel?: string;
  /** Path of a text field whose raw value the result depends on as well, such as the person a date belongs to. */
  readonly subject?: string;
  /**
   * Set where different values have different results (but for a collision of tokens), each of which follows from the value and the key alone: such a
   * result may stand for the key of a compacted feed.
   */
  readonly oneToOne?: true;
  /** What the compiled engine does; it must agree with `reference` on every value. */
  readonly lower: Lowering;
  /** Builds the plain function over decoded values; called once for each binding. Returns `unfit` for a value that does not fit. */
  readonly reference: (need: ResolvedNeed | undefined) => Reference;
}

export type FieldAction =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'null' }
  | {
      readonly kind: 'constant';
      readonly result: TypeModel;
      readonly value: unknown;
    }
  | TransformAction;

/** The four facts and the sentence of a decision, for `explain`. */
export interface Decision {
  readonly happens: string;
  readonly reversible: 'no' | 'with the key' | 'yes';
  readonly informationLost: string;
  readonly lengthLeaked: boolean;
  readonly clause: string;
}

/** A field as a stage sees it: its type without the null of an optional field. */
export interface PlannedField {
  readonly path: string;
  readonly type: TypeModel;
  readonly nullable: boolean;
}

/** The Plan of one rule at one field. */
export interface FieldPlan {
  readonly path: string;
  readonly action: FieldAction;
  readonly otherwise: Otherwise;
  readonly stage: string;
  readonly version: number;
  readonly config: unknown;
  readonly decision: Decision;
}

/** The Plan of one rule about rows. */
export interface RowPlan {
  readonly predicate: Predicate;
  readonly stage: string;
  readonly version: number;
  readonly config: unknown;
  readonly decision: Decision;
}

/** The four facts of a method, for whoever chooses one and for the docs; a sentence each. */
export interface StageFacts {
  readonly reversible: string;
  /** What statistics over the governed values are wrong by. */
  readonly bias: string;
  readonly informationLoss: string;
  /** By order of size, for a value. */
  readonly cost: string;
}

/**
 * What one rule lets out of a value, held against another rule on the same place. `yes`: a result is a function of the other's, which whoever has the
 * other's could compute or, under a key that it does not have, imitate; and a value that does not fit the other does not fit this one.
 * `no` and `incomparable` are refused alike; they differ in what is said.
 */
export type AtLeast = 'yes' | 'no' | 'incomparable';

/** The rule that another one is held against. */
export interface OtherRule<Config = unknown> {
  readonly stage: string;
  readonly config: unknown;
  /** Its configuration where the stage is the same one; undefined for any other. */
  readonly own: Config | undefined;
}

export interface FieldStage<Config> {
  readonly name: string;
  readonly version: number;
  /** One sentence for docs and forms. */
  readonly summary: string;
  readonly facts: StageFacts;
  readonly config: z.ZodType<Config>;
  readonly scope: 'field';
  /** Pure and synchronous. Fails with `plan-invalid` when the stage cannot serve this field. */
  plan(field: PlannedField, config: Config): Result<{ action: FieldAction; decision: Decision }>;
  /**
   * Whether a rule of this stage lets out at most what another one does, on a field that both can serve. Asked of rules that change values alone:
   * `weigh-plans.ts` answers where one of the two keeps everything or nothing. In doubt `incomparable`. Of a stage with a subject the answer is for
   * whoever sees the subject as well.
   */
  atLeast(mine: Config, other: OtherRule<Config>, field: PlannedField): AtLeast;
}

export interface RowStage<Config> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly facts: StageFacts;
  readonly config: z.ZodType<Config>;
  readonly scope: 'row';
  plan(schema: AvroSchema, config: Config): Result<{ predicate: Predicate; decision: Decision }>;
}

/** A Stage with its configuration type hidden: it checks the configuration itself. */
export type Stage = AnyFieldStage | AnyRowStage;
export type AnyFieldStage = Omit<FieldStage<unknown>, 'plan' | 'atLeast'> & {
  planWith(field: PlannedField, config: unknown): ReturnType<FieldStage<unknown>['plan']>;
  /** Both configurations as their stages' schemas gave them. */
  weigh(mine: unknown, other: Omit<OtherRule, 'own'>, field: PlannedField): AtLeast;
};
export type AnyRowStage = Omit<RowStage<unknown>, 'plan'> & {
  planWith(schema: AvroSchema, config: unknown): ReturnType<RowStage<unknown>['plan']>;
};

export function defineFieldStage<Config>(stage: FieldStage<Config>): AnyFieldStage {
  const { plan, atLeast, ...rest } = stage;
  return {
    ...rest,
    planWith: (field, config) => plan(field, config as Config),
    weigh: (mine, other, field) => {
      const own = other.stage === stage.name ? (other.config as Config) : undefined;
      return atLeast(mine as Config, { ...other, own }, field);
    },
  };
}

export function defineRowStage<Config>(stage: RowStage<Config>): AnyRowStage {
  const { plan, ...rest } = stage;
  return {
    ...rest,
    planWith: (schema, config) => plan(schema, config as Config),
  };
}
