import type { Config } from './config/config.ts';
import { asError } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';
import type { Ledger } from './ledger/ledger.ts';
import { readHeld, type HeldRow } from './ledger/queries.ts';

type Declared = Pick<Config, 'kinds' | 'actions'>;

/** What is held under names that the configuration does not declare. */
export interface Undeclared {
  /** Nothing of it stands in the way of the same targets under another kind. */
  readonly kinds: readonly HeldRow[];
  /** Of kinds that are declared. What was done, and can be undone, is in nobody's way. */
  readonly actions: readonly HeldRow[];
}

export function findUndeclared(held: readonly HeldRow[], { kinds, actions }: Declared): Undeclared {
  return {
    kinds: held.filter(({ kind }) => !kinds.has(kind)),
    actions: held.filter(
      row => kinds.has(row.kind) && !actions.has(row.action) && (row.in_operation > 0 || row.irreversible),
    ),
  };
}

/** Who gives a kind or an action another name begins with nothing held, or with what nobody reports: seldom what was meant. */
export async function warnOfUndeclared(
  ledger: Pick<Ledger, 'enqueue'>,
  { config, logger }: { readonly config: Declared; readonly logger: Logger },
): Promise<void> {
  try {
    const held = await ledger.enqueue(async turn => await readHeld(turn.db));
    const { kinds, actions } = findUndeclared(held, config);
    for (const row of kinds) logger.error(said(row), KIND_GONE);
    for (const row of actions) logger.warn(said(row), ACTION_GONE);
  } catch (thrown) {
    logger.warn({ err: asError(thrown) }, 'what is held under names that are gone could not be counted');
  }
}

const KIND_GONE =
  'targets are held under a kind that is not declared any more: under another kind they may be done again. Give it its name back until nothing is held';
const ACTION_GONE =
  'targets are held under an action that is not declared any more: what is in operation waits for an operator who settles it, and what cannot be undone counts as done by every action until the inventory shows it';

const said = ({ kind, action, targets, in_operation }: HeldRow) => ({ kind, action, targets, in_operation });
