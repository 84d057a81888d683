import { apiOf, type Api } from './api.ts';
import { startGate, type Gate, type GateOptions } from './gate.ts';

/** One gate of several on a database, each a process of its own. */
export interface FleetGate {
  readonly gate: Gate;
  readonly api: Api;
}

/** Starts so many gates with the same files on one database. */
export async function startFleet(
  count: number,
  options: GateOptions & { readonly store: string },
): Promise<FleetGate[]> {
  // The first one makes its policy the active one; the others find it so.
  const first = await startGate(options);
  const rest = await Promise.all(Array.from({ length: count - 1 }, async () => await startGate(options)));
  return [first, ...rest].map(gate => ({ gate, api: apiOf(gate) }));
}

/** Of one of them, round and round. */
export function apiAt(fleet: readonly FleetGate[], index: number): Api {
  const one = fleet[index % fleet.length];
  if (one === undefined) throw new Error('no gate');
  return one.api;
}
