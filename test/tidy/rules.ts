/** The rules of the house. Each takes the tree and gives a sentence for every fault, with what to do instead. */
import { missingOptionals } from '../../deploy/local/complete-lock.mjs';
import { errorCodes } from '../../libs/base/index.ts';
import type { Tree } from './tree.ts';

export type Rule = (tree: Tree) => string[];

const linesMax = 400;
const topLevel = new Set(
  'apps libs deploy proto-schemas test docs nest-cli.json package.json package-lock.json tsconfig.json README.md LICENSE CONTRIBUTING.md .ci .gitignore .npmrc'.split(
    ' ',
  ),
);
const isCode = (file: string): boolean => /\.(ts|mts|mjs|cjs)$/.test(file);
const code = (tree: Tree): [string, string][] => [...tree].filter(([file]) => isCode(file));

/** Every line of the tree's code (or of all text) that matches. */
function linesThatMatch(files: Iterable<readonly [string, string]>, pattern: RegExp, instead: string): string[] {
  const faults: string[] = [];
  for (const [file, text] of files) {
    text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) faults.push(`${file}:${index + 1}: ${instead}`);
    });
  }
  return faults;
}

export const rules = {
  'a file of code has at most 400 lines': (tree) =>
    code(tree)
      .map(([file, text]) => [file, text.split('\n').length - 1] as const)
      .filter(([, lines]) => lines > linesMax)
      .map(([file, lines]) => `${file} has ${lines} lines: split it by what it is about, to at most ${linesMax}`),

  'the top level holds only what the design names': (tree) =>
    [...new Set([...tree.keys()].map((file) => file.split('/')[0] ?? ''))]
      .filter((name) => !topLevel.has(name))
      .map((name) => `${name} is at the top level: put it into the room that it belongs to`),

  'no room is a drawer for everything': (tree) =>
    [...new Set([...tree.keys()].flatMap((file) => file.split('/').slice(0, -1)))]
      .filter((name) => /^(common|utils?|helpers?|shared|misc|lib)$/.test(name))
      .map((name) => `a room is called "${name}": name it after what is in it`),

  'no name says Manager, Helper, Util, Common or Processor': (tree) => [
    ...[...tree.keys()]
      .filter((file) => isCode(file) && /(^|[-/.])(manager|helpers?|utils?|common|processor)[-.]/.test(file))
      .map((file) => `${file}: name the file after its verb or noun`),
    ...linesThatMatch(
      code(tree),
      /\b(class|interface|type) \w*(Manager|Helper|Util|Utils|Common|Processor)\b/,
      'name the thing after what it does',
    ),
  ],

  'nothing is left for later': (tree) =>
    linesThatMatch(code(tree), /\b(TO[D]O|FIXM[E]|XX[X])\b/, 'do it now, or write an issue and remove the mark'),

  'no test is focused or left out': (tree) =>
    linesThatMatch(
      code(tree).filter(([file]) => file.endsWith('.spec.ts')),
      /^\s*((describe|test|it)\.(only|skip|todo|failing)\b|(fit|fdescribe|xit|xtest|xdescribe)\()/,
      'run every test; delete one that has no use',
    ),

  'every room says what it is': (tree) =>
    roomsOf(tree)
      .filter((room) => !tree.has(`${room}/README.md`))
      .map((room) => `${room} has no README.md: its purpose, what it may import, the file to read first`),

  'only config.ts and main.ts of an app see the environment': (tree) =>
    linesThatMatch(
      code(tree).filter(
        ([file]) => /^(apps|libs)\//.test(file) && !/^apps\/[^/]+\/(config|main)\.ts$|\.spec\.ts$|^libs\/testkit\//.test(file),
      ),
      /\bprocess\.env\b/,
      'take the value as an option; the app reads it in its config.ts',
    ),

  'no file knows a machine': (tree) =>
    linesThatMatch(
      [...tree].filter(([file]) => file !== 'package-lock.json'),
      /(^|[\s'"`(=])\/(work|home|Users|root|mnt|tmp)\/[\w.-]/,
      'a path of one machine: start from the repository root or the temporary directory',
    ),

  'docs/errors.md lists the codes of the catalogue, each once': (tree) => {
    const text = tree.get('docs/errors.md') ?? '';
    const listed = [...text.matchAll(/^## `([a-z-]+)`$/gm)].map((match) => match[1] ?? '');
    return [
      ...errorCodes.filter((name) => !listed.includes(name)).map((name) => `docs/errors.md lacks ${name}: run npm run generate`),
      ...listed
        .filter((name, index) => !(errorCodes as readonly string[]).includes(name) || listed.indexOf(name) !== index)
        .map((name) => `docs/errors.md has ${name} too much: run npm run generate`),
    ];
  },

  'package-lock.json fits every platform and every registry': (tree) => {
    const lock = JSON.parse(tree.get('package-lock.json') ?? '{"packages":{}}') as {
      packages: Parameters<typeof missingOptionals>[0];
    };
    return [
      ...missingOptionals(lock.packages).map(([, name]) => `package-lock.json lacks ${name}: run npm run lock`),
      ...Object.entries(lock.packages)
        .filter(([, entry]) => entry.resolved !== undefined)
        .map(([name]) => `package-lock.json names a registry for ${name}: npm must run with this repository's .npmrc`),
    ];
  },

  'every dependency has an exact version': (tree) => {
    const text = tree.get('package.json') ?? '{}';
    const groups = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
    return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((group) =>
      Object.entries(groups[group] ?? {})
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `package.json: ${name} is ${version}; write the exact version`),
    );
  },
} as const satisfies Record<string, Rule>;

/** Rooms: each directory of libs, libs/adapters, apps and test that holds a file, and the ones of deploy. */
function roomsOf(tree: Tree): string[] {
  const rooms = new Set<string>();
  for (const file of tree.keys()) {
    const room =
      /^(libs\/adapters\/[^/]+|libs\/(?!adapters\/)[^/]+|apps\/[^/]+|test\/[^/]+|deploy\/local(?:\/(?:demo|platforms))?)\//.exec(
        file,
      )?.[1];
    if (room !== undefined) rooms.add(room);
  }
  return [...rooms];
}
