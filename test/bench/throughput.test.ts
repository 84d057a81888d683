import { expect, it } from 'vitest';

import { startExecutor } from '../support/executor.ts';
import { loadHosts, startBenchGate } from './bench-gate.ts';
import { requestsOf } from './requests.ts';
import { toRows } from './table.ts';
import { refuseWrong, throughput } from './throughput.ts';

it('the bench asks what it says it asks, and every answer is looked at', async () => {
  const executor = await startExecutor({ type: 'answer', status: 200 });
  const gate = await startBenchGate({ executor: new URL(executor.url).origin });
  try {
    await loadHosts(gate, 400);
    const each = (['refused', 'pre-flight', 'delivered'] as const).map(kind => ({ kind, url: gate.url }));
    const figures = await throughput(each, { rounds: 1, durationMs: 300, hosts: 400, connections: 4 });
    for (const { kind } of each) expect(figures.get(kind)?.[0]).toBeGreaterThan(0);
    expect(executor.received().length).toBeGreaterThan(0);
    expect(toRows('PostgreSQL', new Map([['bare', [10]], ...figures]))).toMatchObject([
      { ratio: 1 },
      { target: 0.5 },
      { target: 0.8 },
      { target: 0.3 },
    ]);
  } finally {
    await gate.close();
    await executor.close();
  }
});

it('the bench takes no figure of wrong answers, and none of no answers', () => {
  const measured = { perSecond: 1, latenciesMs: [1] };
  const { status } = requestsOf('refused', 400);
  expect(() => refuseWrong('refused', status, { ...measured, statuses: new Map([[503, 1]]) })).toThrow('503');
  expect(() => refuseWrong('refused', status, { ...measured, statuses: new Map() })).toThrow('should be 403');
});
