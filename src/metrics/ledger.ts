import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DECISION_BUCKETS_S } from './decisions.ts';
import type { Metrics } from './metrics.ts';

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** The batches of the ledger, and whether its head is signed. */
export function createLedgerMetrics(
  registers: Registry[],
): Pick<Metrics, 'batchObserved' | 'batchFailed' | 'checkpointsObserved'> {
  const batchJobs = new Histogram({
    name: 'interlock_ledger_batch_jobs',
    help: 'How much shared a transaction of the ledger: decisions, outcomes, claims.',
    buckets: BATCH_BUCKETS,
    registers,
  });
  const batchSeconds = new Histogram({
    name: 'interlock_ledger_batch_duration_seconds',
    help: 'A transaction of the ledger, from its begin to its commit.',
    buckets: DECISION_BUCKETS_S,
    registers,
  });
  const failedBatches = new Counter({
    name: 'interlock_ledger_failed_batches_total',
    help: 'Batches of the ledger that were rolled back, or whose commit ended without an answer. The log says why.',
    registers,
  });
  const checkpoints = new Gauge({
    name: 'interlock_checkpoints_written',
    help: '1 if the head of the audit chain was signed, or had not moved, when it was last looked at; 0 if it could not be.',
    registers,
  });
  return {
    batchObserved(jobs, durationMs) {
      batchJobs.observe(jobs);
      batchSeconds.observe(durationMs / 1000);
    },
    batchFailed: () => failedBatches.inc(),
    checkpointsObserved: areWritten => checkpoints.set(areWritten ? 1 : 0),
  };
}
