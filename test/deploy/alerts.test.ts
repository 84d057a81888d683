import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../../src/metrics/create-metrics.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RULES = 'deploy/prometheus/interlock.rules.yml';

const alertSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
  annotations: z.strictObject({
    runbook: z.literal('docs/on-call.md#which-alert'),
    summary: z.string().min(10),
    description: z.string().min(10),
  }),
});
const { groups } = z
  .object({ groups: z.array(z.object({ rules: z.array(alertSchema) })) })
  .parse(parse(readFileSync(path.join(root, RULES), 'utf8')));
const alerts = groups.flatMap(({ rules }) => rules);

it('the alerts ask for what a gate exports', async () => {
  const text = await createMetrics({
    actions: new Set(),
    kinds: new Map(),
    version: '0.0.0',
    wallMs: () => 0,
  }).text();
  const exported = new Set([...text.matchAll(/^# TYPE (\w+) /gmu)].map(([, name]) => name));
  const asked = alerts.flatMap(({ expr }) => [...expr.matchAll(/interlock_\w+/gu)].map(([name]) => name));
  expect(asked.filter(name => !exported.has(name))).toEqual([]);
  expect(asked.length).toBeGreaterThan(10);
});

it('each alert is tested: that it fires, and that it does not always', () => {
  const tests = readFileSync(path.join(root, 'test/deploy/alerts.test.yml'), 'utf8');
  expect(alerts).not.toEqual([]);
  for (const { alert } of alerts) {
    const uses = [...tests.matchAll(new RegExp(`alertname="${alert}"`, 'gu'))].length;
    expect([alert, uses >= 3]).toEqual([alert, true]);
  }
});

it('who is paged finds each alert by its name, and no other, in the chapter that its `runbook` names', () => {
  const text = readFileSync(path.join(root, 'docs/on-call.md'), 'utf8');
  const [, chapter = ''] = /^## Which alert\n(.*?)^## /msu.exec(text) ?? [];
  const rows = [...chapter.matchAll(/^\| (`Interlock[^|]*) \|/gmu)].map(([, cell = '']) => cell);
  const named = rows.flatMap(cell => [...cell.matchAll(/`(\w+)`/gu)].map(([, name = '']) => name));
  expect(named.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

it.skipIf(!promtool)('they fire when they should, says promtool', () => {
  const ran = spawnSync('promtool', ['test', 'rules', 'test/deploy/alerts.test.yml'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(ran.stderr + ran.stdout).toMatch(/SUCCESS/u);
  expect(ran.status).toBe(0);
});
