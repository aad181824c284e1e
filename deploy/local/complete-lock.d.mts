export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
export function missingOptionals(packages: Readonly<Record<string, LockEntry>>): [where: string, name: string, version: string][];
export function completeLock(lock: { packages: Record<string, LockEntry> }): number;
