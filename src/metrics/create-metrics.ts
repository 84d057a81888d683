import { collectDefaultMetrics, Registry } from 'prom-client';
import { createDecisionMetrics } from './decisions.ts';
import { createInventoryMetrics } from './inventory.ts';
import { createLedgerMetrics } from './ledger.ts';
import type { Metrics, MetricsOptions } from './metrics.ts';
import { createProcessMetrics } from './process.ts';
import { createStandingGauges } from './standing.ts';
import { createSwitchGauge } from './switches.ts';

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process === true) collectDefaultMetrics({ register: registry });
  return {
    ...createDecisionMetrics(registers, options.actions),
    ...createLedgerMetrics(registers),
    ...createSwitchGauge(registers),
    ...createInventoryMetrics(registers, options),
    ...createStandingGauges(registers),
    ...createProcessMetrics(registers, options.version),
    text: async () => await registry.metrics(),
    contentType: registry.contentType,
  };
}
