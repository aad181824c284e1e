/** What other processes of this machine are. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** The command line of a living process, arguments joined by spaces; empty when there is no such process. */
export function commandLine(pid: number): string {
  if (!(pid > 1)) return '';
  if (!existsSync('/proc/self/cmdline'))
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
