/** How much of what was tried got through, by type and by stage: a comparison of refusals alone would prove nothing. */
import type { Case } from './case-arbitrary.ts';
import { kindsIn } from './fields.ts';
import type { Settled } from './run-case.ts';

interface Row {
  cases: number;
  records: number;
  passed: number;
}

export class Acceptance {
  cases = 0;
  /** Cases whose policy compiles for the oracle. */
  compiled = 0;
  /** Cases that the second engine cannot lower. */
  notLowered = 0;
  readonly stages = new Map<string, Row>();
  readonly #types = new Map<string, Row>();
  readonly #places = new Map<string, Row>();
  readonly #outcomes = new Map<string, number>();
  readonly #notLoweredBy = new Map<string, number>();
  readonly #refusedPlans = new Map<string, number>();

  refusedPlan(code: string): void {
    add(this.#refusedPlans, code);
  }

  cannotLower({ terms }: Case): void {
    this.notLowered += 1;
    for (const stage of new Set(terms.rules.map(({ stage }) => stage))) add(this.#notLoweredBy, stage);
  }

  /** `settled` is equal on both sides. */
  compared(tried: Case, settled: readonly Settled[]): void {
    const passed = settled.filter(({ value }) => value !== null).length;
    const count = (rows: Map<string, Row>, names: Iterable<string>): void => {
      for (const name of names) {
        const row = rows.get(name) ?? { cases: 0, records: 0, passed: 0 };
        rows.set(name, {
          cases: row.cases + 1,
          records: row.records + settled.length,
          passed: row.passed + passed,
        });
      }
    };
    count(this.stages, new Set(tried.terms.rules.map(({ stage, with: config }) => variantOf(stage, config))));
    count(this.#types, kindsIn(tried.schema.root));
    count(this.#places, placesOf(tried));
    for (const { outcome, reason } of settled) add(this.#outcomes, reason === 'none' ? outcome : reason);
  }

  /** Records that left on both sides, and records compared. */
  get passed(): number {
    return (this.#outcomes.get('pass') ?? 0) + (this.#outcomes.get('reshape') ?? 0);
  }
  get records(): number {
    return [...this.#outcomes.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    const table = (title: string, rows: Map<string, Row>): string[] => [
      `  ${title.padEnd(36)} ${'cases'.padStart(7)} ${'records'.padStart(9)} ${'passed'.padStart(9)}`,
      ...[...rows]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(
          ([name, { cases, records, passed }]) =>
            `    ${name.padEnd(34)} ${String(cases).padStart(7)} ${String(records).padStart(9)} ${String(passed).padStart(9)}`,
        ),
    ];
    const told = (counts: Map<string, number>): string =>
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ') || 'none';
    return [
      `  ${this.cases} cases, ${this.compiled} compiled; refused: ${told(this.#refusedPlans)}`,
      `  not lowered by the second engine: ${this.notLowered}; stages in those: ${told(this.#notLoweredBy)}`,
      `  ${this.records} records: ${told(this.#outcomes)}`,
      ...table('stage', this.stages),
      ...table('type', this.#types),
      ...table('place of a rule that changes something', this.#places),
    ].join('\n');
  }
}

/** Where rules other than keep stand, and how the records were written. */
function placesOf({ terms, writer }: Case): Set<string> {
  const changing = terms.rules.filter(({ stage }) => stage !== 'keep' && stage !== 'filter').flatMap(({ at }) => at);
  const found = new Set<string>();
  for (const path of changing) {
    if (path.startsWith('tag:')) found.add('by tag');
    if (path.includes('[]')) found.add('in an array');
    if (path.includes('{}')) found.add('in a map');
    if (path.includes('<')) found.add('in a branch');
    if (/^(\/\w+){2,}$/.test(path)) found.add('in a record');
  }
  if (writer !== undefined) found.add('(another writer schema)');
  return found;
}

/** A stage with the setting that makes it another method. */
function variantOf(stage: string, config: Readonly<Record<string, unknown>>): string {
  if (stage === 'band' && 'unit' in config) return `band of ${String(config['unit'])}`;
  if (stage === 'pseudonymize' && 'prf' in config) return `pseudonymize by ${String(config['prf'])}`;
  return stage;
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
