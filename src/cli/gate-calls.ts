import type { Client } from '../client/client.ts';
import type { Answer } from '../client/types.ts';
import { SaidNo } from './said-no.ts';
import { connectGate, type GateConnection, type GateOptions } from './gate-connection.ts';
import type { Terminal } from './terminal.ts';

type Calls = Pick<
  Client,
  | 'engage'
  | 'release'
  | 'switches'
  | 'search'
  | 'one'
  | 'targets'
  | 'export'
  | 'putInventory'
  | 'patchInventory'
  | 'inventory'
  | 'budgets'
  | 'policy'
  | 'rules'
  | 'settle'
  | 'cancel'
  | 'acceptClock'
  | 'postEvidence'
  | 'evidence'
>;

type ValueOf<Answered> = Answered extends { readonly ok: true; readonly value: infer Value } ? Value : never;

type Unwrapped<Call> = Call extends (...args: infer Args) => Promise<infer Answered>
  ? (...args: Args) => Promise<ValueOf<Answered>>
  : never;

/**
 * The client's calls as the commands use them: a no of the gate ends a command wherever it is said, so it is thrown, as SaidNo. What
 * could not be told is thrown by the client.
 */
export type GateCalls = { readonly [Name in keyof Calls]: Unwrapped<Calls[Name]> } & Pick<
  Client,
  'readyToDecide'
> &
  Pick<GateConnection, 'next'>;

/** The calls of the gate that the options, or the environment, name. @throws UsageError or FileError */
export function connectCalls(options: GateOptions, terminal: Terminal): GateCalls {
  const { gate: client, url, next } = connectGate(options, terminal);
  const tell = async <T>(asked: Promise<Answer<T>>): Promise<T> => {
    const answer = await asked;
    if (answer.ok) return answer.value;
    throw new SaidNo(answer, url);
  };
  return {
    next,
    readyToDecide: async (...args) => await client.readyToDecide(...args),
    engage: async (...args) => await tell(client.engage(...args)),
    release: async (...args) => await tell(client.release(...args)),
    switches: async (...args) => await tell(client.switches(...args)),
    search: async (...args) => await tell(client.search(...args)),
    one: async (...args) => await tell(client.one(...args)),
    targets: async (...args) => await tell(client.targets(...args)),
    export: async (...args) => await tell(client.export(...args)),
    putInventory: async (...args) => await tell(client.putInventory(...args)),
    patchInventory: async (...args) => await tell(client.patchInventory(...args)),
    inventory: async (...args) => await tell(client.inventory(...args)),
    budgets: async (...args) => await tell(client.budgets(...args)),
    policy: async (...args) => await tell(client.policy(...args)),
    settle: async (...args) => await tell(client.settle(...args)),
    cancel: async (...args) => await tell(client.cancel(...args)),
    acceptClock: async (...args) => await tell(client.acceptClock(...args)),
    postEvidence: async (...args) => await tell(client.postEvidence(...args)),
    evidence: async (...args) => await tell(client.evidence(...args)),
    rules: async (...args) => await tell(client.rules(...args)),
  };
}
