/** Calendar arithmetic of the proleptic Gregorian calendar over days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
import type { Code } from '../../wasm/index.ts';
import type { ModuleWriter } from '../../wasm/index.ts';

export interface Dates {
  /** (days) -> civil year. */
  readonly year: number;
  /** (days) -> day of the month, from 1. */
  readonly dayOfMonth: number;
  /** (year) -> days of its first of January. */
  readonly yearStart: number;
}

const eraDays = 146_097;
const epochShift = 719_468;

export function addDates(module: ModuleWriter): Dates {
  return {
    year: addYear(module),
    dayOfMonth: addDayOfMonth(module),
    yearStart: addYearStart(module),
  };
}

/** Pushes floor(value / by) for a local and a positive constant. */
function floorDivide(c: Code, value: number, by: number): Code {
  c.get(value)
    .get(value)
    .i32(by - 1)
    .op('i32.sub')
    .get(value)
    .i32(0)
    .op('i32.ge_s', 'select');
  return c.i32(by).op('i32.div_s');
}

/** Leaves the day of the year that begins on the first of March in the local that it returns. */
function emitDayOfYear(c: Code, days: number): number {
  const [era, dayOfEra, yearOfEra, dayOfYear] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  c.get(days).i32(epochShift).op('i32.add').set(days);
  floorDivide(c, days, eraDays).set(era);
  c.get(days).get(era).i32(eraDays).op('i32.mul', 'i32.sub').set(dayOfEra);
  c.get(dayOfEra).get(dayOfEra).i32(1460).op('i32.div_s', 'i32.sub').get(dayOfEra).i32(36_524).op('i32.div_s', 'i32.add');
  c.get(dayOfEra).i32(146_096).op('i32.div_s', 'i32.sub').i32(365).op('i32.div_s').set(yearOfEra);
  c.get(dayOfEra).get(yearOfEra).i32(365).op('i32.mul').get(yearOfEra).i32(4).op('i32.div_s', 'i32.add');
  c.get(yearOfEra).i32(100).op('i32.div_s', 'i32.sub', 'i32.sub').set(dayOfYear);
  return dayOfYear;
}

/** Eras before the epoch's that count as positive, so that unsigned division does: enough for the days that dates can have. */
const erasBefore = 700;

/** Source: C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar algorithms" (2023). */
function addYear(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32'], ['i32']);
  const [days, century] = [0, c.local('i32')];
  const product = c.local('i64');
  c.get(days)
    .i32(epochShift + erasBefore * eraDays)
    .op('i32.add')
    .i32(2)
    .op('i32.shl')
    .i32(3)
    .op('i32.add')
    .tee(days);
  c.i32(eraDays).op('i32.div_u').set(century);
  c.get(days)
    .get(century)
    .i32(eraDays)
    .op('i32.mul', 'i32.sub')
    .i32(3)
    .op('i32.or', 'i64.extend_i32_u')
    .i64(2_939_745n)
    .op('i64.mul')
    .set(product);
  c.get(century).i32(100).op('i32.mul').get(product).i64(32n).op('i64.shr_u', 'i32.wrap_i64', 'i32.add');
  c.i32(400 * erasBefore).op('i32.sub');
  // From the 306th day on it is January or February of the next civil year.
  c.get(product).op('i32.wrap_i64').i32(2_939_745).op('i32.div_u').i32(2).op('i32.shr_u').i32(306).op('i32.ge_u', 'i32.add');
  return index;
}

function addDayOfMonth(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32'], ['i32']);
  const dayOfYear = emitDayOfYear(c, 0);
  const month = c.local('i32');
  c.get(dayOfYear).i32(5).op('i32.mul').i32(2).op('i32.add').i32(153).op('i32.div_s').set(month);
  c.get(dayOfYear).get(month).i32(153).op('i32.mul').i32(2).op('i32.add').i32(5).op('i32.div_s', 'i32.sub').i32(1).op('i32.add');
  return index;
}

function addYearStart(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32'], ['i32']);
  const year = 0;
  const [era, yearOfEra] = [c.local('i32'), c.local('i32')];
  c.get(year).i32(1).op('i32.sub').set(year);
  floorDivide(c, year, 400).set(era);
  c.get(year).get(era).i32(400).op('i32.mul', 'i32.sub').set(yearOfEra);
  c.get(era).i32(eraDays).op('i32.mul').get(yearOfEra).i32(365).op('i32.mul', 'i32.add');
  c.get(yearOfEra).i32(4).op('i32.div_s', 'i32.add').get(yearOfEra).i32(100).op('i32.div_s', 'i32.sub');
  c.i32(306 - epochShift).op('i32.add');
  return index;
}
