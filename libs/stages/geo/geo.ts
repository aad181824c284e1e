/** Coarsens positions: a latitude or a longitude to the middle of a cell of a grid, or a pair of them to a cell of H3. */
import { latLngToCell } from 'h3-js';
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { canonicalJson, ok } from '../../base/index.ts';
import type { Decision, FieldAction, PlannedField, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { refusal, text } from '../planning.ts';

const stage = 'geo';

const config = z
  .strictObject({
    datum: z
      .enum(['WGS-84', 'GCJ-02'])
      .describe(
        'What the coordinates are in; it is declared for the subscriber and changes no value. GCJ-02 lies up to some 700 m off WGS-84 in mainland China',
      ),
    axis: z.enum(['latitude', 'longitude']).optional().describe('What a field of one number is'),
    degrees: z.number().min(0.000_1).max(45).optional().describe('With axis: width of a cell in degrees'),
    metres: z.number().min(10).max(1_000_000).optional().describe('With axis, instead of degrees: width of a cell in metres'),
    atLatitude: z
      .number()
      .min(-85)
      .max(85)
      .optional()
      .describe('With metres of a longitude: the latitude where a cell is that wide; cells narrow toward the poles'),
    h3: z
      .int()
      .min(0)
      .max(10)
      .optional()
      .describe(
        'For a text "latitude,longitude": resolution of the H3 cell that takes its place; 7 is about 5 square kilometres',
      ),
  })
  .refine(({ axis, h3 }) => (axis === undefined) !== (h3 === undefined), 'either axis or h3 is needed')
  .refine(
    ({ axis, degrees, metres }) => (axis === undefined ? 0 : 1) === Number(degrees !== undefined) + Number(metres !== undefined),
    {
      message: 'axis takes either degrees or metres',
    },
  )
  .refine(({ axis, metres, atLatitude }) => (atLatitude !== undefined) === (axis === 'longitude' && metres !== undefined), {
    path: ['atLatitude'],
    message: 'metres of a longitude take the latitude where they hold, and nothing else does',
  });
type GeoConfig = z.infer<typeof config>;

/** Length of a degree of a great circle of the sphere with the mean radius of 6,371,008.8 m (IUGG). */
const metresPerDegree = 111_195.08;
const ranges = { latitude: 90, longitude: 180 } as const;

/**
 * A coordinate becomes the middle of its cell, cells counted from zero and the result rounded to 1e-7 of a degree; the type stays. A text
 * becomes the H3 index, 15 hexadecimal characters. NaN and coordinates beyond the poles or the date line do not fit. GCJ-02 is not turned into
 * WGS-84: its definition is not published, and the known approximations are no inverse. Source: GB/T 37964-2019, generalization; h3geo.org.
 */
export const geo = defineFieldStage<GeoConfig>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a position by the cell of a grid that it lies in.',
  facts: {
    reversible: 'no: the place within the cell is gone',
    bias: 'each position is off by half a cell at most along an axis; middles of cells have none on average',
    informationLoss: 'the place within the cell; a way of many positions may still single somebody out',
    cost: 'a fraction of a microsecond on a grid, a microsecond for an H3 cell, on the host',
  },
  config,
  plan(field, settings) {
    return settings.h3 === undefined ? planAxis(field, settings) : planCell(field, settings.h3, settings.datum);
  },
  // A cell of H3 is not made of whole finer cells, and borders of a grid of fractional degrees are rounded: only equal settings are compared.
  atLeast: (mine, { own }) => (own !== undefined && canonicalJson(mine) === canonicalJson(own) ? 'yes' : 'incomparable'),
});

type Planned = Result<{ action: FieldAction; decision: Decision }>;

function planAxis(field: PlannedField, { axis = 'latitude', degrees, metres, atLatitude, datum }: GeoConfig): Planned {
  const { kind } = field.type;
  if (kind !== 'double' && kind !== 'float') return refusal(stage, field, `a ${axis} is a double or a float`);
  const width = degrees ?? degreesOf(metres ?? 0, atLatitude ?? 0);
  if (width > 45) return refusal(stage, field, 'a cell is at most 45 degrees wide');
  return ok({
    action: {
      kind: 'transform',
      result: field.type,
      width: 'result',
      lower: { op: 'host' },
      reference: () => middleOfCell(width, ranges[axis]),
    },
    decision: decision(
      `${axis} (${datum}) moved to the middle of its cell of ${degrees === undefined ? `${metres} m` : `${degrees} degrees`}`,
      datum,
      'GB/T 37964-2019, generalization',
    ),
  });
}

function planCell(field: PlannedField, resolution: number, datum: GeoConfig['datum']): Planned {
  if (field.type.kind !== 'string') return refusal(stage, field, 'an H3 cell needs a text "latitude,longitude"');
  return ok({
    action: {
      kind: 'transform',
      result: text,
      width: 'result',
      lower: { op: 'host' },
      reference: () => cellOf(resolution),
    },
    decision: decision(
      `position (${datum}) replaced by its H3 cell of resolution ${resolution}`,
      datum,
      'GB/T 37964-2019, generalization; H3',
    ),
  });
}

const decision = (happens: string, datum: GeoConfig['datum'], clause: string): Decision => ({
  happens: datum === 'GCJ-02' ? `${happens}; the cell is that of the shifted coordinates` : happens,
  reversible: 'no',
  informationLost: 'the place within the cell',
  lengthLeaked: false,
  clause,
});

const degreesOf = (metres: number, latitude: number): number => metres / (metresPerDegree * Math.cos((latitude * Math.PI) / 180));

const decimals = 1e7;

/** A middle beyond the end of the axis is the end. */
const middleOfCell =
  (width: number, end: number): Reference =>
  (value) => {
    if (typeof value !== 'number' || !(Math.abs(value) <= end)) return unfit;
    const middle = (Math.floor(value / width) + 0.5) * width;
    return Math.round(Math.max(-end, Math.min(end, middle)) * decimals) / decimals;
  };

const pair = /^([+-]?[0-9]{1,2}(?:\.[0-9]{1,15})?), ?([+-]?[0-9]{1,3}(?:\.[0-9]{1,15})?)$/;

const cellOf =
  (resolution: number): Reference =>
  (value) => {
    const match = typeof value === 'string' ? pair.exec(value) : null;
    if (match === null) return unfit;
    const [latitude, longitude] = [Number(match[1]), Number(match[2])];
    if (Math.abs(latitude) > ranges.latitude || Math.abs(longitude) > ranges.longitude) return unfit;
    return latLngToCell(latitude, longitude, resolution);
  };
