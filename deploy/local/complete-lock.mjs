/**
 * Completes package-lock.json with the platform packages that the registry at hand did not offer when it was written.
 * `npm ci` refuses a lock that lacks a declared optional package, even one for another platform, and npm leaves out what it
 * could not see. Run it after every `npm install <name>`: `npm run lock`. A test in test/tidy proves that the lock is complete.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Declared optional packages without an entry, as `[where, name, version]`. */
export function missingOptionals(packages) {
  const missing = [];
  for (const [at, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!resolves(packages, at, name)) missing.push([at, name, version]);
    }
  }
  return missing;
}

/** Adds the missing entries to the parsed lock; returns how many. Versions that are ranges cannot be completed and throw. */
export function completeLock(lock) {
  const missing = missingOptionals(lock.packages);
  for (const [at, name, version] of missing) {
    if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}@${version} is not an exact version; it cannot be added`);
    const parent = lock.packages[at];
    lock.packages[`node_modules/${name}`] ??= {
      version,
      ...platformOf(name),
      ...(parent.dev ? { dev: true } : {}),
      optional: true,
    };
  }
  const sorted = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries(sorted.map((key) => [key, lock.packages[key]]));
  return missing.length;
}

/** Node's module resolution over lock keys: the package's own node_modules, then each parent's. */
function resolves(packages, at, name) {
  for (let place = at; ; ) {
    if (packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`]) return true;
    if (place === '') return false;
    place = place.slice(0, place.lastIndexOf('node_modules/')).replace(/\/$/, '');
  }
}

/** `os`, `cpu` and `libc` as such packages declare them; the name says all three by convention. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = ['linux', 'darwin', 'win32', 'android', 'freebsd', 'openharmony'].find((word) => words.includes(word));
  const cpu = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64'].find((word) => words.includes(word));
  if (!os || !cpu) throw new Error(`${name}: the platform cannot be told from the name`);
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
  return { cpu: [cpu], ...(libc ? { libc } : {}), os: [os] };
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = completeLock(lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(added === 0 ? 'package-lock.json is complete' : `added ${added} platform packages to package-lock.json`);
}
