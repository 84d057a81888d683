import { canonicalJson } from '../kit/canonical-json.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { Principal } from './config.ts';
import { member, textsOf, type Problems } from './problems.ts';
import { principalSchema } from './schemas.ts';
import type { YamlPath } from './yaml-file.ts';

/** Who may do what. Names and keys are each one principal's own. */
export function readPrincipals(
  problems: Problems,
  value: unknown,
  actionNames: readonly string[],
  labelNames: readonly string[],
): Principal[] {
  if (!Array.isArray(value) || value.length === 0) {
    problems.add(
      ['principals'],
      `${value === undefined ? 'is missing' : 'must be a list'}: at least one principal`,
    );
    return [];
  }
  const list: readonly unknown[] = value;
  checkNames(problems, list);
  checkKeys(problems, list);
  const principals: Principal[] = [];
  for (const [index, raw] of list.entries()) {
    const path = ['principals', index];
    const principal = problems.check(principalSchema, raw, path);
    checkRoles(problems, raw, path, actionNames);
    checkLabels(problems, raw, path, labelNames);
    if (principal === undefined) continue;
    const { name, keys, roles, actions, labels } = principal;
    principals.push({
      name,
      keys,
      roles: new Set(roles),
      actions: new Set(actions),
      ...(labels !== undefined && { labels }),
    });
  }
  return principals;
}

function checkNames(problems: Problems, list: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const [index, raw] of list.entries()) {
    const name = member(raw, 'name');
    if (typeof name !== 'string') continue;
    if (seen.has(name))
      problems.add(['principals', index, 'name'], `another principal is called ${quote(name)} too`);
    seen.add(name);
  }
}

/** A key that two principals share tells neither from the other. The same key twice in one is told by the schema. */
function checkKeys(problems: Problems, list: readonly unknown[]): void {
  const owners = new Map<string, number>();
  for (const [index, raw] of list.entries()) {
    for (const [at, key] of textsOf(member(raw, 'keys')).entries()) {
      const owner = owners.get(key.toLowerCase()) ?? index;
      if (owner !== index)
        problems.add(['principals', index, 'keys', at], `is a key of principals[${owner}] too`);
      owners.set(key.toLowerCase(), owner);
    }
  }
}

/** A label that no kind declares could be matched with nothing. */
function checkLabels(problems: Problems, raw: unknown, path: YamlPath, labelNames: readonly string[]): void {
  const labels = member(raw, 'labels');
  if (typeof labels !== 'object' || labels === null || labelNames.length === 0) return;
  for (const label of Object.keys(labels)) {
    if (labelNames.includes(label)) continue;
    problems.add(
      [...path, 'labels', label],
      `no kind declares the label ${quote(label)}${didYouMean(label, labelNames, true)}`,
    );
  }
}

/** What roles and actions say together; looked at as they came, so that a mistake elsewhere does not hide it. */
function checkRoles(problems: Problems, raw: unknown, path: YamlPath, actionNames: readonly string[]): void {
  const roles = textsOf(member(raw, 'roles'));
  const actions = textsOf(member(raw, 'actions'));
  if (roles.includes('operator') && roles.includes('requester')) {
    problems.add(
      [...path, 'roles'],
      'operator and requester may not be one principal: who asks does not settle or release',
    );
  }
  const acting = roles.filter(role => role === 'requester' || role === 'executor');
  if (acting.length > 0 && actions.length === 0) {
    problems.add(
      [...path, 'actions'],
      `is missing or empty: ${acting.join(' and ')} must name the actions it may`,
    );
  }
  if (acting.length === 0 && actions.length > 0) {
    problems.add([...path, 'actions'], 'has no effect: only requester and executor name actions');
  }
  for (const [at, action] of actions.entries()) {
    if (actionNames.includes(action)) continue;
    problems.add(
      [...path, 'actions', at],
      `no action ${quote(action)} is declared${didYouMean(action, actionNames, true)}`,
    );
  }
}

/** What a principal is and may, whatever its keys are. */
export const describePrincipal = ({ name, roles, actions, labels }: Principal) => ({
  name,
  roles: [...roles].toSorted(),
  actions: [...actions].toSorted(),
  ...(labels !== undefined && { labels }),
});

/** Equal for principals that differ in nothing but their keys. */
export const formOf = (principal: Principal): string => canonicalJson(describePrincipal(principal));
