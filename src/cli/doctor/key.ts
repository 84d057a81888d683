import { createClient, NoAnswerError, type Answer, type Client } from '../../client/create-client.ts';
import type { GateAccess } from '../../config/client-settings.ts';
import { listNames } from '../../kit/text.ts';
import { printable } from '../printable.ts';
import { sayExceptions } from './exceptions.ts';
import { findingsOf, type Finding } from './finding.ts';
import { sayProtected } from './protected.ts';

const ANSWER_MS = 5_000;

/**
 * Whether a gate takes a key, and which role that shows: by calls that change nothing, for there is none that every role may make. The
 * key itself is never said.
 */
export async function checkKey(
  { url, key }: GateAccess,
  { fetch, storeRead }: { readonly fetch: typeof globalThis.fetch; readonly storeRead: boolean },
): Promise<Finding[]> {
  const { ok, fail, unknown } = findingsOf('key');
  const gate = createClient({ url, key, fetch, timeoutMs: ANSWER_MS, patience: { attempts: 1 } });
  try {
    // One after the other: a wrong key asks once, and is not slowed down for it.
    const switches = await ask(gate.switches());
    if (switches === 'wrong key')
      return [
        fail(
          `${url} does not know the key`,
          'give the key of one of its `principals` (interlock keygen makes one), or name the gate that it belongs to',
        ),
      ];
    const [budgets, inventory, search] = [
      await ask(gate.budgets()),
      await ask(gate.inventory()),
      await ask(gate.search({}, { limit: 1 })),
    ];
    return [
      ok(`${url} takes the key, ${rolesOf({ switches, budgets, inventory, search })}`),
      // What the store has told already is not said again.
      ...(budgets === 'may' && !storeRead ? await lookAtLimits(gate) : []),
    ];
  } catch (thrown) {
    if (!(thrown instanceof NoAnswerError)) throw thrown;
    return [unknown(`the key could not be tried: ${printable(thrown.message)}`, 'try again when it answers')];
  }
}

/** What of the limits only a store, or a gate, can tell. */
async function lookAtLimits(gate: Pick<Client, 'policy' | 'inventory'>): Promise<Finding[]> {
  const [policy, inventory] = [await gate.policy(), await gate.inventory()];
  if (!policy.ok || !inventory.ok) return [];
  const loaded = new Set(inventory.value.kinds.map(({ kind }) => kind));
  return [
    ...sayProtected(policy.value.protected.filter(({ kind }) => loaded.has(kind))),
    ...sayExceptions(policy.value.exceptions),
  ];
}

type Asked = 'may' | 'may not' | 'wrong key';

/** Roles are looked at before anything else, so a fault comes only to who may. */
async function ask(asked: Promise<Answer<unknown>>): Promise<Asked> {
  const answer = await asked;
  if (answer.ok || answer.status >= 500) return 'may';
  return answer.status === 403 ? 'may not' : 'wrong key';
}

/** The table of roles, read backwards. An auditor reads everything, so what it may do beside that does not show. */
function rolesOf(calls: Readonly<Record<'switches' | 'budgets' | 'inventory' | 'search', Asked>>): string {
  if (calls.budgets === 'may') return 'which reads everything, as an auditor';
  const roles = [
    ...(calls.switches === 'may' ? ['operator'] : calls.search === 'may' ? ['requester'] : []),
    ...(calls.inventory === 'may' ? ['inventory'] : []),
  ];
  return roles.length === 0
    ? 'which may read nothing: an executor or an observer'
    : `of the role ${listNames(roles)}`;
}
