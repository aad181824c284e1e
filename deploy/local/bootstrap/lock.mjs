/** One installation at a time: a second command waits while the first one installs. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepDirectory } from './places.mjs';

/** Runs the work while holding `.sluice/install.lock`. The lock of a process that has ended is taken over. */
export async function withInstallLock(work) {
  mkdirSync(keepDirectory, { recursive: true });
  const file = path.join(keepDirectory, 'install.lock');
  for (let told = false; !take(file); told = true) {
    if (!told) console.error('Another command is installing; waiting for it ...');
    await sleep(500);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (!isAlive(readHolder(file))) rmSync(file, { force: true });
  return false;
}

function readHolder(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
