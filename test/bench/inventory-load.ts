/**
 * How long a load of the inventory takes, what it needs, and what it does to whoever asks meanwhile.
 *
 *   npx tsx test/bench/inventory-load.ts [hosts] [postgres://…]
 *
 * Without a URL on the embedded store, in a new folder; with one on an empty database of that server.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Kind } from '../../src/config/config.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openStore, type Store } from '../../src/db/store.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import { resolveTargets } from '../../src/targets/resolve.ts';
import { inventoryOver, requestOf, taken } from '../inventory/loading.ts';
import { temporaryFolder } from '../support/store.ts';

const HOSTS = Number(process.argv[2] ?? '1000000');
const url = process.argv[3];

/** Six labels: five dimensions and a state. */
const host: Kind = {
  name: 'host',
  dimensions: ['region', 'zone', 'cluster', 'rack', 'role'],
  state: { label: 'state', inService: ['serving', 'draining'] },
  labels: [],
  optional: [],
  maxAgeMs: 86_400_000,
  maxShrinkPpm: 100_000,
  maxChangePpm: 200_000,
};

/** Forty hosts a rack, twenty-five racks a cluster; in an order that is not that of the ids. `edition` moves every hundredth host. */
function lineOf(index: number, edition: number): string {
  const place = (index * 7919) % HOSTS;
  const rack = Math.floor(place / 40) + (edition > 0 && place % 100 === 0 ? edition : 0);
  const cluster = Math.floor(rack / 25);
  const zone = Math.floor(cluster / 50);
  const labels = `"region":"region-${Math.floor(zone / 5)}","zone":"zone-${zone}","cluster":"cluster-${cluster}","rack":"rack-${rack}","role":"role-${place % 7}","state":"${place % 50 === 0 ? 'draining' : 'serving'}"`;
  return `{"id":"host-${String(place).padStart(7, '0')}","labels":{${labels}}}\n`;
}

async function* snapshot(edition: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < HOSTS; at += 400) {
    let text = '';
    for (let index = at; index < Math.min(HOSTS, at + 400); index += 1) text += lineOf(index, edition);
    await Promise.resolve();
    yield Buffer.from(text);
  }
}

/** Asks for forty targets again and again, as a decision does, until told to stop. */
function startAsking(store: Store, revision: () => number) {
  const tookMs: number[] = [];
  let stopped = false;
  const asking = (async () => {
    while (!stopped) {
      if (revision() > 0) {
        const ids = Array.from(
          { length: 40 },
          (_, n) => `host-${String((n * 977) % HOSTS).padStart(7, '0')}`,
        );
        const [first = '', ...rest] = ids;
        const startedMs = performance.now();
        const found = await resolveTargets(store.db, 'host', { ids: [first, ...rest] }, revision());
        if (isRefusal(found)) throw new Error(found.reasons[0].message);
        tookMs.push(performance.now() - startedMs);
      }
      await sleep(20);
    }
  })();
  return async (): Promise<number[]> => {
    stopped = true;
    await asking;
    return tookMs.toSorted((a, b) => a - b);
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function run(store: Store): Promise<void> {
  const inventory = inventoryOver(store, { kinds: [host] });
  let revision = 0;
  for (const [name, edition] of [
    ['first load', 0],
    ['identical', 0],
    ['1 % changed', 1],
  ] as const) {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const stopAsking = startAsking(store, () => revision);
    const before = revision;
    // What is in force changes with the flip; the ledger knows, and so do we, right after.
    delay.enable();
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    const loading = inventory.put(
      requestOf('', { content: snapshot(edition), query: { expect: String(HOSTS) } }),
    );
    const loaded = taken(await loading);
    const tookMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    const asked = await stopAsking();
    const loopMs = [delay.percentile(50), delay.percentile(99), delay.max].map(ns => (ns / 1e6).toFixed(0));
    const tidyStartedMs = performance.now();
    delay.reset();
    await inventory.tidied();
    await sleep(20);
    delay.disable();
    revision = loaded.revision;
    const peak = process.resourceUsage().maxRSS / 1024;
    console.log(
      `${name}: ${seconds(tookMs)} (${seconds((user + system) / 1000)} of processor in this process); tidied in ${seconds(performance.now() - tidyStartedMs)}; event loop held ${loopMs.join(' / ')} ms (median, p99, max; tidying ${(delay.max / 1e6).toFixed(0)} ms); ` +
        `forty targets resolved at revision ${before} meanwhile: ${asked.length} times, median ${(asked[asked.length >> 1] ?? 0).toFixed(0)} ms, at most ${(asked.at(-1) ?? 0).toFixed(0)} ms; ` +
        `peak ${peak.toFixed(0)} MB; ${JSON.stringify(loaded)}`,
    );
  }
  const startedMs = performance.now();
  const rack = await resolveTargets(
    store.db,
    'host',
    { selector: { rack: ['rack-77'] }, expect: 40 },
    revision,
  );
  console.log(
    `a rack by selector: ${(performance.now() - startedMs).toFixed(0)} ms`,
    isRefusal(rack) ? rack.reasons : '',
  );
  const againMs = performance.now();
  const all = await resolveTargets(
    store.db,
    'host',
    { selector: { state: ['serving'] }, expect: 40 },
    revision,
  );
  console.log(
    `a state by selector, refused: ${(performance.now() - againMs).toFixed(0)} ms`,
    isRefusal(all) ? all.reasons[0].message : '',
  );
}

const folder = await temporaryFolder();
const logger = createLogger('warn');
const store = await openStore(
  url === undefined ? { type: 'embedded', folder: `${folder.path}/store` } : { type: 'server', url },
  logger,
);
await migrate(store.pool);
console.log(
  `${HOSTS} hosts, ${store.embedded ? 'embedded' : 'server'}, before: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
);
await run(store);
await store.close();
await folder.remove();
