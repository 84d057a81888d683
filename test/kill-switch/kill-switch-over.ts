import type { Action, Principal } from '../../src/config/config.ts';
import { KillSwitch } from '../../src/kill-switch/kill-switch.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { bot, host, wipe } from '../support/gate-parts.ts';

/** A switch of one action and one kind, without a kill file. */
export const killSwitchOver = (
  ledger: Ledger,
  {
    action = wipe,
    principals = [bot],
  }: { readonly action?: Action; readonly principals?: readonly Principal[] } = {},
): KillSwitch =>
  new KillSwitch({
    killFile: '/nowhere/there-is-no-such-folder/KILL',
    actions: new Map([[action.name, action]]),
    kinds: new Map([['host', host]]),
    principals,
    ledger,
  });
