import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics/create-metrics.ts';
import { scopeName } from '../../src/metrics/switches.ts';

const create = () =>
  createMetrics({
    actions: new Set(['disk.wipe']),
    kinds: new Map(),
    version: '0.0.0',
    wallMs: () => 100_000,
  });
const one = { decision: 'allowed', rule: undefined, targets: 3, durationMs: 20 } as const;

describe('metrics', () => {
  it('have no label that a client makes up', async () => {
    const metrics = create();
    for (const action of [undefined, 'disk.wip', 'a'.repeat(1000)])
      metrics.decisionObserved({ ...one, action });
    const text = await metrics.text();
    expect(text).toContain('interlock_decisions_total{action="unknown",decision="allowed",rule=""} 3');
    expect(text).not.toContain('disk.wip');
  });

  it('count decisions, targets and outcomes by their names', async () => {
    const metrics = create();
    metrics.decisionObserved({ ...one, action: 'disk.wipe' });
    metrics.decisionObserved({
      ...one,
      action: 'disk.wipe',
      decision: 'refused',
      rule: 'targets.empty',
      targets: 0,
    });
    metrics.outcomeObserved('disk.wipe', 'unknown');
    metrics.forwardObserved(1_500);
    metrics.unrecordedObserved('refused', 'request.too_large');
    const text = await metrics.text();
    for (const line of [
      'interlock_decisions_total{action="disk.wipe",decision="allowed",rule=""} 1',
      'interlock_decisions_total{action="disk.wipe",decision="refused",rule="targets.empty"} 1',
      'interlock_decisions_total{action="unknown",decision="refused",rule="request.too_large"} 1',
      'interlock_decision_duration_seconds_count 2',
      'interlock_decision_duration_seconds_sum 0.04',
      'interlock_targets_total{action="disk.wipe",decision="allowed"} 3',
      'interlock_outcomes_total{action="disk.wipe",status="unknown"} 1',
      'interlock_forward_duration_seconds_sum 1.5',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  it('show what is engaged now, and no more what was', async () => {
    const metrics = create();
    metrics.killSwitchObserved(['everything', 'action:disk.wipe']);
    expect(await metrics.text()).toContain('interlock_kill_switch_engaged{scope="everything"} 1');
    metrics.killSwitchObserved(['region:eu']);
    const text = await metrics.text();
    expect(text).toContain('interlock_kill_switch_engaged{scope="everything"} 0');
    expect(text).toContain('interlock_kill_switch_engaged{scope="region:eu"} 1');
    expect(text).not.toContain('action:disk.wipe');
  });

  it('say nothing of a switch before it was looked at, and of the kill file whatever the ledger says', async () => {
    const metrics = create();
    expect(await metrics.text()).not.toContain('interlock_kill_switch_engaged{');
    metrics.killFileObserved(true);
    const text = await metrics.text();
    expect(text).toContain('interlock_kill_switch_engaged{scope="kill-file"} 1');
    expect(text).not.toContain('scope="everything"');
    metrics.killSwitchObserved([]);
    expect(await metrics.text()).toContain('interlock_kill_switch_engaged{scope="kill-file"} 1');
    metrics.killFileObserved(false);
    expect(await metrics.text()).toContain('interlock_kill_switch_engaged{scope="kill-file"} 0');
  });

  it('show ages as they are when asked, and one policy', async () => {
    const metrics = create();
    metrics.inventoryObserved('host', 40_000);
    metrics.inventoryObserved('future', 140_000);
    metrics.inventoryObserved('host', 70_000, 'telemetry');
    metrics.policyObserved('r1');
    metrics.policyObserved('r2');
    const text = await metrics.text();
    expect(text).toContain('interlock_inventory_age_seconds{kind="host"} 60');
    expect(text).toContain('interlock_inventory_age_seconds{kind="future"} 0');
    expect(text).toContain('interlock_inventory_age_seconds{kind="host",source="telemetry"} 30');
    expect(text).toContain('interlock_policy_info{revision="r2"} 1');
    expect(text).not.toContain('revision="r1"');
  });

  it('count the loads of each kind from nothing, so that the first one is seen to be one more', async () => {
    const kinds = new Map([['host', { maxAgeMs: 1_000 }]]);
    const metrics = createMetrics({ actions: new Set(), kinds, version: '0.0.0', wallMs: () => 0 });
    const line = 'interlock_inventory_loads_total{kind="host",method="put",result="refused"}';
    expect(await metrics.text()).toContain(`${line} 0\n`);
    metrics.loadObserved('host', 'put', 'refused');
    const text = await metrics.text();
    expect(text).toContain(`${line} 1\n`);
    expect([...text.matchAll(/^interlock_inventory_loads_total\{/gm)]).toHaveLength(6);
  });

  it('tell of a certificate where there is one, and that nothing failed to be loaded before something was', async () => {
    const metrics = create();
    const before = await metrics.text();
    expect(before).toMatch(/^interlock_config_last_reload_successful 1$/m);
    expect(before).not.toMatch(/^interlock_certificate_expiry_timestamp_seconds/m);
    metrics.reloadObserved(false);
    metrics.certificateObserved(1_800_000_000_500);
    const after = await metrics.text();
    expect(after).toMatch(/^interlock_config_last_reload_successful 0$/m);
    expect(after).toMatch(/^interlock_certificate_expiry_timestamp_seconds 1800000000\.5$/m);
  });

  it('name a switch by its scope', () => {
    expect(scopeName({})).toBe('everything');
    expect(scopeName({ action: 'disk.wipe' })).toBe('action:disk.wipe');
    expect(scopeName({ dimension: 'region', value: 'eu' })).toBe('region:eu');
  });
});
