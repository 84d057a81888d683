import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runCheckConfig } from '../../src/cli/check-config.ts';
import { runDoctor } from '../../src/cli/doctor.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { temporaryFolder } from '../config/files.ts';
import { wideLimits, writeGateFiles } from '../support/gate.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// What `serve --check-config` says beside limits: what freezes, loosens, and is idle. By the files and a clock alone.

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-12-01T00:00:00Z');
const at = (days: number): string => new Date(NOW_MS + days * DAY_MS).toISOString();
const clock = { ...systemClock, wallMs: () => NOW_MS };

const files = temporaryFolder();
afterAll(() => files.remove());
const config = path.join(files.folder, 'interlock.yaml');

const exception = (id: string, days: number) => ({
  ...{ id, action: 'test.act', set: { max_targets: 9 }, principal: 'bot', owner: 'jo', ticket: 'DC-1' },
  ...{ until: at(days), max_targets: 10 },
});
const freeze = { actions: ['test.act'], reason: 'a test' };
writeGateFiles(files.folder, {
  config: {
    actions: { 'test.act': {}, 'test.push': {}, 'dns.push': {} },
    kinds: { host: { dimensions: ['region'], max_age: '24h', max_shrink: '10%', max_change: '10%' } },
  },
  limits: {
    actions: {
      'test.act': { ...wideLimits, max_targets: 5, ceiling: { max_targets: 9 } },
      'test.push': { like: 'push@1' },
      'dns.push': { like: 'push@1' },
    },
    freezes: [
      { ...freeze, from: at(-1), until: at(1), except: ['oncall-bot'] },
      { ...freeze, from: at(2) },
      { ...freeze, from: at(-3), until: at(0) },
    ],
    exceptions: [exception('old', 0), exception('new', 1)],
  },
});

async function check(json: boolean, width?: number): Promise<string[]> {
  const terminal = { ...recordedTerminal(), ...(width !== undefined && { width }) };
  await runCheckConfig({ config, json }, terminal, clock);
  return terminal.said;
}

const checkedSchema = z.object({
  bundle: z.object({ digest: z.string() }),
  checks: z.array(z.object({ name: z.string(), idle: z.boolean() })),
  freezes: z.array(z.object({ status: z.string(), until: z.string().optional() })),
  exceptions: z.array(z.looseObject({ id: z.string() })),
  profiles: z.array(z.object({ action: z.string(), idle: z.array(z.object({ key: z.string() })) })),
});

describe('serve --check-config', () => {
  test('says of each freeze whether it is in force, to come or over', async () => {
    const said = (await check(false)).join('\n');
    expect(said).toMatch(/IN FORCE +test\.act +2026-11-30\S+ +2026-12-02\S+ +oncall-bot +a test/);
    expect(said).toMatch(/to come +test\.act +2026-12-03\S+ +no end +- +a test/);
    expect(said).toMatch(/over +test\.act +2026-11-28\S+ +2026-12-01\S+ +- +a test/);
  });

  test('says of each exception what it loosens, up to which ceiling, for whom and until when', async () => {
    const said = (await check(false)).join('\n');
    expect(said).toMatch(
      /in force +new +test\.act +max_targets 9 +max_targets 9 +bot +2026-12-02\S+ +10 +jo +DC-1/,
    );
    expect(said).toMatch(/OVER +old +test\.act .*2026-12-01/);
    // What is used stands in the store, which is not opened.
    expect(said).not.toMatch(/USED|LEFT/);
  });

  test('says what of a profile is idle, once for actions that are alike', async () => {
    const said = (await check(false)).join('\n');
    expect(said).toContain('test.push and dns.push are like push@1\n');
    expect(said.match(/host declares no label environment: match$/gm)).toHaveLength(1);
  });

  test('gives all of it as JSON, in the words of GET /v1/policy', async () => {
    const checked = checkedSchema.parse(JSON.parse((await check(true)).join('')));
    expect(checked.freezes.map(({ status }) => status)).toEqual(['in_force', 'to_come', 'over']);
    expect(checked.exceptions).toEqual([
      expect.objectContaining({ id: 'old', status: 'over', ceiling: { max_targets: 9 } }),
      expect.objectContaining({ id: 'new', status: 'in_force', until: at(1), principal: 'bot' }),
    ]);
    expect(checked.profiles.flatMap(({ idle }) => idle.map(({ key }) => key))).toContain('match[0]');
    expect(checked.checks.some(({ idle }) => idle)).toBe(true);
  });

  test('names the bundle as doctor does', async () => {
    const { bundle } = checkedSchema.parse(JSON.parse((await check(true)).join('')));
    const terminal = recordedTerminal();
    await runDoctor({ config, json: false }, terminal, clock);
    expect(terminal.said.join('\n')).toContain(`bundle ${bundle.digest} `);
    expect((await check(false)).join('\n')).toMatch(new RegExp(`bundle +${bundle.digest}$`, 'm'));
  });

  test.each([
    ['that is not there', undefined, /ENOENT.*broken\.tar\.gz/],
    ['that is none', 'garbage', /incorrect header check/],
  ])('refuses a bundle %s, with its place and the cause', async (_, bytes, cause) => {
    const other = temporaryFolder();
    const bundle = path.join(other.folder, 'broken.tar.gz');
    if (bytes !== undefined) writeFileSync(bundle, bytes);
    writeGateFiles(other.folder, { config: { policies: bundle } });
    const checking = runCheckConfig(
      { config: path.join(other.folder, 'interlock.yaml'), json: false },
      recordedTerminal(),
    );
    await expect(checking).rejects.toThrow(`the bundle ${bundle} cannot be loaded: `);
    await expect(checking).rejects.toThrow(cause);
    other.remove();
  });

  test.each([50, 60, 80])('at %d columns has no line that a terminal would break', async width => {
    const lines = await check(false, width);
    expect(lines.filter(isTooLong(width))).toEqual([]);
    expect(lines.join('\n')).not.toContain('…');
  });
});

test.each([50, 60, 80])('doctor at %d columns breaks its lines between words', async width => {
  const terminal = { ...recordedTerminal(), width };
  await runDoctor({ config, json: false }, terminal, clock);
  expect(terminal.said.length).toBeGreaterThan(10);
  expect(terminal.said.filter(isTooLong(width))).toEqual([]);
});

/** A path or a digest alone is longer than some terminals are wide, and is left whole to be copied. */
const isTooLong = (width: number) => (line: string) =>
  line.length > width && line.trim().includes(' ') && !/\S{30}/.test(line);
