import type { Action, Config, Kind } from './config.ts';

const scopeOfKind = (kind: Kind) => ({
  dimensions: kind.dimensions,
  ...(kind.state !== undefined && { state: { label: kind.state.label, in_service: kind.state.inService } }),
  labels: kind.labels,
  optional: kind.optional,
  ...(kind.weights !== undefined && { weights: kind.weights }),
  max_age_ms: kind.maxAgeMs,
  // With their principals: gates that disagree on who speaks for a source would let it write what another one owns.
  ...(kind.sources !== undefined && { sources: kind.sources }),
  max_shrink_ppm: kind.maxShrinkPpm,
  max_change_ppm: kind.maxChangePpm,
});

const scopeOfAction = (action: Action) => ({
  kind: action.kind,
  irreversible: action.irreversible,
  ...(action.parameters !== undefined && { parameters: action.parameters }),
  executor: {
    timeout_ms: action.executor.timeoutMs,
    concurrency: action.executor.concurrency,
    valid_for_ms: action.executor.validForMs,
    idempotent: action.executor.idempotent,
  },
});

/**
 * The part of a configuration on which gates of one store must agree: kinds and actions, without the addresses and key files
 * of executors, which may differ from host to host. JSON values only; it goes into the digest of the policy revision.
 */
export function policyScope(config: Pick<Config, 'kinds' | 'actions'>) {
  return {
    kinds: Object.fromEntries([...config.kinds].map(([name, kind]) => [name, scopeOfKind(kind)])),
    actions: Object.fromEntries([...config.actions].map(([name, action]) => [name, scopeOfAction(action)])),
  };
}
