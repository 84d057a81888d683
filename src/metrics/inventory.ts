import { Counter, Gauge, type Registry } from 'prom-client';
import type { LoadMethod, LoadResult, Metrics, MetricsOptions } from './metrics.ts';

const METHODS: readonly LoadMethod[] = ['put', 'patch'];
const RESULTS: readonly LoadResult[] = ['loaded', 'refused', 'trial'];

/** How old each inventory is and may be, and what came of loads. */
export function createInventoryMetrics(
  registers: Registry[],
  { kinds, wallMs }: Pick<MetricsOptions, 'kinds' | 'wallMs'>,
): Pick<Metrics, 'inventoryObserved' | 'loadObserved'> {
  const readAt = new Map<string, ReadAt>();
  sayAges(registers, readAt, wallMs);
  sayMaxAges(registers, kinds);
  const loads = new Counter({
    name: 'interlock_inventory_loads_total',
    help: 'Loads of an inventory that came to their end.',
    labelNames: ['kind', 'method', 'result'],
    registers,
  });
  // A counter that begins with its first load counts that one for nothing in increase(), be it the one that was refused.
  for (const kind of kinds.keys())
    for (const method of METHODS) for (const result of RESULTS) loads.inc({ kind, method, result }, 0);
  return {
    loadObserved: (kind, method, result) => loads.inc({ kind, method, result }),
    inventoryObserved: (kind, asOfMs, source) =>
      void readAt.set(JSON.stringify([kind, source]), {
        labels: { kind, ...(source !== undefined && { source }) },
        asOfMs,
      }),
  };
}

function sayMaxAges(registers: Registry[], kinds: MetricsOptions['kinds']): void {
  const maxAge = new Gauge({
    name: 'interlock_inventory_max_age_seconds',
    help: 'How old the inventory of a kind, or what a source brings to it, may be before every decision on it is refused.',
    labelNames: ['kind', 'source'],
    registers,
  });
  for (const [kind, { maxAgeMs, sources = [] }] of kinds) {
    maxAge.set({ kind }, maxAgeMs / 1000);
    for (const source of sources.filter(({ ownsExistence }) => !ownsExistence))
      maxAge.set({ kind, source: source.name }, source.maxAgeMs / 1000);
  }
}

interface ReadAt {
  readonly labels: { readonly kind: string; readonly source?: string };
  readonly asOfMs: number;
}

function sayAges(
  registers: Registry[],
  readAt: ReadonlyMap<string, ReadAt>,
  wallMs: () => number,
): Gauge<'kind' | 'source'> {
  return new Gauge({
    name: 'interlock_inventory_age_seconds',
    help: 'Age of the inventory in force, counted from the time that its source was read; with a source, of what that one brings.',
    labelNames: ['kind', 'source'],
    registers,
    collect() {
      for (const { labels, asOfMs } of readAt.values())
        this.set(labels, Math.max(0, wallMs() - asOfMs) / 1000);
    },
  });
}
