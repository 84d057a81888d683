import { UsageError } from '../config/environment.ts';
import { actionName, principalName, roleName } from '../config/schemas.ts';
import { sha256 } from '../kit/digest.ts';
import { freshKey } from '../kit/ids.ts';
import { quote } from '../kit/text.ts';
import { jsonLine } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface KeygenOptions {
  readonly json: boolean;
  /** For the line; whoever pastes it may fill them in as well. */
  readonly roles: readonly string[];
  readonly actions: readonly string[];
}

/** Stand where something is to be filled in. No configuration takes them: a line that is pasted as it is gives nobody a right. */
const ROLE = '<role>';
const ACTION = '<action>';

/**
 * Prints a fresh key, once, and the line of the configuration that knows it. The key is kept nowhere.
 * @throws UsageError if the name, a role or an action is none that the configuration would take
 */
export function runKeygen(name: string, options: KeygenOptions, terminal: Terminal): void {
  requireName(principalName.safeParse(name), `the name ${quote(name)}`);
  for (const role of options.roles) requireName(roleName.safeParse(role), `the role ${quote(role)}`);
  if (options.roles.includes('requester') && options.roles.includes('operator'))
    throw new UsageError(
      'a requester is never an operator too: who asks does not settle or release. Two keys, for two principals',
    );
  for (const action of options.actions)
    requireName(actionName.safeParse(action), `the action ${quote(action)}`);
  const key = freshKey();
  const hash = sha256(key);
  const roles = options.roles.length === 0 ? [ROLE] : options.roles;
  const namesActions = roles.includes('requester') || roles.includes('executor');
  const named = namesActions && options.actions.length === 0 ? [ACTION] : options.actions;
  const actions = named.length === 0 ? '' : `, actions: [${named.join(', ')}]`;
  const line = `- { name: ${name}, keys: ["${hash}"], roles: [${roles.join(', ')}]${actions} }`;
  if (options.json) {
    terminal.say(jsonLine({ name, key, hash, line }));
    return;
  }
  const toFillIn = line.includes(ROLE)
    ? ` (write its roles for ${ROLE}; a requester or executor names its actions too)`
    : line.includes(ACTION)
      ? ` (write its actions for ${ACTION})`
      : '';
  terminal.say(`The key of ${name}, shown this once:\n\n  ${key}\n`);
  terminal.say(`The line for \`principals\` in interlock.yaml${toFillIn}:\n\n  ${line}`);
}

function requireName(
  result: { readonly error?: { readonly issues: readonly { message: string }[] } | undefined },
  what: string,
): void {
  const issue = result.error?.issues[0];
  if (issue !== undefined) throw new UsageError(`${what} ${issue.message}`);
}
