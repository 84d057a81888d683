import { Gauge, type Registry } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** What this gate runs with: its version, its policy, its files. */
export function createProcessMetrics(
  registers: Registry[],
  version: string,
): Pick<Metrics, 'policyObserved' | 'reloadObserved' | 'certificateObserved'> {
  new Gauge({
    name: 'interlock_build_info',
    help: 'The version of the gate.',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  const policy = new Gauge({
    name: 'interlock_policy_info',
    help: 'The policy revision that this gate decides with.',
    labelNames: ['revision'],
    registers,
  });
  const reload = new Gauge({
    name: 'interlock_config_last_reload_successful',
    help: '1 if the files were loaded when they were last read, 0 if nothing was, or not all.',
    registers,
  });
  reload.set(1);
  const certificate = new Gauge({
    name: 'interlock_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which the certificate of the gate is over, or the first of its chain.',
    registers,
  });
  // It begins with 0: without TLS there is no certificate, and none that ended in 1970.
  certificate.remove();
  return {
    policyObserved(revision) {
      policy.reset();
      policy.set({ revision }, 1);
    },
    reloadObserved: isLoaded => reload.set(isLoaded ? 1 : 0),
    certificateObserved: expiresMs => certificate.set(expiresMs / 1000),
  };
}
