import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUICK_TO_START, wideLimits, writeGateFiles } from '../support/gate.ts';
import { program } from '../support/program.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'drill-own-test-'));
  writeGateFiles(folder, {
    config: {
      // The losses of a load count: a second fleet that is smaller would be refused where the first one is seen.
      kinds: { host: { dimensions: ['zone'], max_age: '24h', max_shrink: '10%', max_change: '10%' } },
      actions: Object.fromEntries(['disk.wipe', 'image.push', 'host.reboot'].map(action => [action, {}])),
    },
    limits: {
      actions: {
        'disk.wipe': {
          ...wideLimits,
          max_targets: 3,
          windows: [{ per: 'fleet', over: '1h', max_targets: 3 }],
        },
        'image.push': { ...wideLimits, require_evidence: [{ name: 'canary', max_age: '24h' }] },
        'host.reboot': wideLimits,
      },
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function drill(...args: readonly string[]) {
  const ran = spawnSync(process.execPath, [...QUICK_TO_START, program, 'drill', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], TMPDIR: folder },
  });
  return { code: ran.status, said: ran.stdout, complained: ran.stderr };
}

const ARTIFACT = `sha256:${'a'.repeat(64)}`;
const fleetOf = (count: number) => ({ host: [{ id: 'web-{}', count, labels: { zone: 'eu-1' } }] });
const ask = (action: string, ...ids: readonly string[]) => ({ as: 'bot', action, targets: { ids } });
const push = { ...ask('image.push', 'web-9'), artifact: ARTIFACT };
const wipeFour = ask('disk.wipe', 'web-1', 'web-2', 'web-3', 'web-4');

const cases = [
  {
    name: 'spends',
    title: 'A window is spent, evidence is given, and a switch is engaged',
    fleet: fleetOf(40),
    history: [
      { evidence: { artifact: ARTIFACT, name: 'canary', status: 'passed' } },
      { request: ask('disk.wipe', 'web-1', 'web-2', 'web-3') },
      { engage: { action: 'host.reboot', reason: 'a drill' } },
    ],
    request: ask('disk.wipe', 'web-4'),
    expect: { refused: 'budget.window' },
    twin: { history: [], request: push },
  },
  {
    name: 'leans-on-evidence',
    title:
      'Only the evidence of another case would let its twin through, and only its fleet keep this one away',
    fleet: fleetOf(10),
    request: wipeFour,
    expect: { refused: 'blast_radius.max_targets' },
    twin: { request: push },
  },
  {
    name: 'slips',
    title: 'What slips through spends the window and does the target that its twin needs',
    fleet: fleetOf(10),
    request: ask('disk.wipe', 'web-1', 'web-2', 'web-3'),
    expect: { refused: 'blast_radius.max_targets' },
    twin: { request: ask('disk.wipe', 'web-1') },
  },
  {
    name: 'same-key',
    title: 'A key comes again, later, with another body',
    fleet: fleetOf(10),
    history: [{ request: { ...ask('host.reboot', 'web-1'), idempotency_key: 'k-1' } }, { wait: '1s' }],
    request: { ...ask('host.reboot', 'web-2'), idempotency_key: 'k-1', ticket: 'DC-1' },
    expect: { refused: 'request.idempotency_key' },
    twin: { request: { ...ask('host.reboot', 'web-2'), idempotency_key: 'k-2' } },
  },
];

function file(name: string, content: object): string {
  const at = path.join(folder, name);
  writeFileSync(at, JSON.stringify(content));
  return at;
}

describe('interlock drill --own --scratch', () => {
  it('plays each case as if it were alone', () => {
    const args = ['--scratch', '--config', path.join(folder, 'interlock.yaml'), '--json'];
    const { code, said, complained } = drill('--own', file('cases.yaml', { cases }), ...args);
    const card: unknown = JSON.parse(said);
    expect(card, complained).toMatchObject({
      results: [
        { name: 'spends', verdict: 'stopped', twin: 'allowed' },
        { name: 'leans-on-evidence', verdict: 'stopped', twin: 'refused', twin_rule: 'evidence.missing' },
        { name: 'slips', verdict: 'slipped', twin: 'allowed' },
        { name: 'same-key', verdict: 'stopped', twin: 'allowed' },
      ],
    });
    expect(code).toBe(1);
    expect(readdirSync(folder).filter(name => name.startsWith('interlock-drill'))).toEqual([]);
    // Six gates, most of them one after the other: seconds, but many of them where the processor is everybody's.
  }, 300_000);

  it('takes broken limits, and what the configuration does not declare, for wrong use, before anything is made', () => {
    const broken = path.join(folder, 'broken');
    mkdirSync(broken);
    writeGateFiles(broken, {
      config: { actions: { 'image.push': {} } },
      limits: { actions: { 'image.push': { like: 'pusch' } } },
    });
    const own = file('named.yaml', { cases: [{ ...cases[1], request: ask('disk.wip', 'web-1') }] });
    const ran = drill('--own', own, '--scratch', '--config', path.join(broken, 'interlock.yaml'), '--json');
    expect(ran.code, ran.complained).toBe(2);
    expect(JSON.parse(ran.said)).toMatchObject({
      problems: [
        { path: 'actions.image.push.like', message: expect.stringContaining('(did you mean "push"?)') },
      ],
    });
    const named = drill('--own', own, '--scratch', '--config', path.join(folder, 'interlock.yaml'));
    expect(named.complained).toMatch(
      /named\.yaml:\d+.*"disk\.wip" is no action .*did you mean "disk\.wipe"\?/,
    );
    expect(named.code).toBe(2);
    expect(ran.complained + named.complained).not.toContain('it makes its database');
  }, 60_000);

  it('takes a rule that the gate does not have for wrong use, before anything is played', () => {
    const slip = { ...cases[1], expect: { refused: 'budget.windows' } };
    const args = ['--scratch', '--config', path.join(folder, 'interlock.yaml')];
    const { code, said, complained } = drill('--own', file('slip.yaml', { cases: [slip] }), ...args);
    expect(complained).toMatch(/slip\.yaml:\d+.*did you mean "budget\.window"\?/);
    expect(said).toBe('');
    expect(code).toBe(2);
  });
});
