/** The end of the period that a policy names: the constraint `dateTime lt`. */

type Json = Readonly<Record<string, unknown>>;

/** The policy with another end; null for one that names none. Every member else stays as it was put. */
export function withEnd(policy: unknown, until: Date): unknown {
  if (!isObject(policy)) return null;
  let found = false;
  const constraintOf = (constraint: unknown): unknown => {
    if (!isObject(constraint) || constraint['leftOperand'] !== 'dateTime' || constraint['operator'] !== 'lt') return constraint;
    found = true;
    return { ...constraint, rightOperand: until.toISOString() };
  };
  const permissionOf = (permission: unknown): unknown =>
    isObject(permission) && Array.isArray(permission['constraint'])
      ? {
          ...permission,
          constraint: permission['constraint'].map(constraintOf),
        }
      : permission;
  const permissions = policy['permission'];
  const changed = {
    ...policy,
    permission: Array.isArray(permissions) ? permissions.map(permissionOf) : permissionOf(permissions),
  };
  return found ? changed : null;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
