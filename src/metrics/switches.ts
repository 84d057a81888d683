import { Gauge, type Registry } from 'prom-client';
import type { Scope } from '../ledger/book.ts';
import type { Metrics } from './metrics.ts';

const EVERYTHING = 'everything';
export const KILL_FILE = 'kill-file';

/** `everything`, `action:disk.wipe` or `region:eu`: the label of a switch. */
export function scopeName(scope: Scope): string {
  if ('action' in scope) return `action:${scope.action}`;
  if ('dimension' in scope) return `${scope.dimension}:${scope.value}`;
  return EVERYTHING;
}

/** What is engaged, by scope. */
export function createSwitchGauge(
  registers: Registry[],
): Pick<Metrics, 'killSwitchObserved' | 'killFileObserved'> {
  const engaged: Engaged = {};
  engagedScopes(registers, engaged);
  return {
    killSwitchObserved: scopes => void (engaged.scopes = scopes),
    killFileObserved: engages => void (engaged.byFile = engages),
  };
}

/** What was seen last, of each apart; undefined before the first look, which is no "nothing is engaged". */
interface Engaged {
  scopes?: readonly string[];
  byFile?: boolean;
}

function engagedScopes(registers: Registry[], engaged: Engaged): Gauge<'scope'> {
  return new Gauge({
    name: 'interlock_kill_switch_engaged',
    help: '1 for each scope that a kill switch stops, or the kill file.',
    labelNames: ['scope'],
    registers,
    collect() {
      const { scopes, byFile } = engaged;
      this.reset();
      if (scopes !== undefined) this.set({ scope: EVERYTHING }, 0);
      for (const scope of scopes ?? []) this.set({ scope }, 1);
      if (byFile !== undefined) this.set({ scope: KILL_FILE }, byFile ? 1 : 0);
    },
  });
}
