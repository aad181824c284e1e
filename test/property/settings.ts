/** How much is tried, from the environment: `npm run test:property` sets these, `npm test` leaves them at a repeatable run. */

export interface PropertySettings {
  /** Pairs of a schema and a policy. */
  readonly runs: number;
  /** Records of each pair. */
  readonly records: number;
  readonly seed: number;
  /** Where a failing run is entered again, as fast-check printed it. */
  readonly path: string | undefined;
}

/** One seed for every ordinary run: a red run must be red again. */
const ordinarySeed = 20_260_105;

/** `PROPERTY_RUNS`, `PROPERTY_RECORDS`, `PROPERTY_SEED` (a number, or `random`), `PROPERTY_PATH`. */
export function propertySettings(environment: NodeJS.ProcessEnv = process.env): PropertySettings {
  const { PROPERTY_RUNS: runs, PROPERTY_RECORDS: records, PROPERTY_SEED: seed, PROPERTY_PATH: path } = environment;
  return {
    runs: wholeNumber('PROPERTY_RUNS', runs, 1_200),
    records: wholeNumber('PROPERTY_RECORDS', records, 50),
    seed: seed === 'random' ? Math.floor(Math.random() * 0x7fff_ffff) : wholeNumber('PROPERTY_SEED', seed, ordinarySeed),
    path,
  };
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`${name} must be a whole number, and is ${text.slice(0, 40)}`);
  return Number(text);
}
