import type { Client } from 'pg';

/** Commits one row so many times a second over a connection that is kept, and says how long each took, in milliseconds. */
export async function commitAtRate(client: Client, perSecond: number, durationMs: number): Promise<number[]> {
  await client.query(
    'create table if not exists commits (id bigint generated always as identity primary key, body json not null)',
  );
  const body = JSON.stringify({ decision: 'refused', detail: 'x'.repeat(900) });
  const latenciesMs: number[] = [];
  const all: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let sent = 0; (sent * 1000) / perSecond < durationMs; sent += 1) {
    const dueMs = startedMs + (sent * 1000) / perSecond;
    await new Promise(resolve => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    const sentMs = performance.now();
    all.push(
      client.query('insert into commits (body) values ($1)', [body]).then(() => {
        latenciesMs.push(performance.now() - sentMs);
      }),
    );
  }
  await Promise.all(all);
  return latenciesMs;
}
