import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { runProgram } from '../../src/cli/program.ts';
import { apiOf, type Api } from '../support/api.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// A night is lost, a copy is put back, and `serve --restored` was said: the checkpoints of the lost night are no tampering.

let gate: Gate;
let api: Api;
let kept = 0;
let newest = 0;

const file = (name: string): string => path.join(gate.folder, name);
const checkpoints = (): string => readFileSync(file('checkpoints.ndjson'), 'utf8');
const lastSeq = async (): Promise<number> => (await api.audit()).at(-1)?.seq ?? 0;
const engage = async (): Promise<void> => {
  expect((await api.engage({ reason: 'smoke' })).status).toBe(201);
};

const verdictSchema = z.object({
  verdict: z.string(),
  findings: z.array(z.object({ table: z.string(), message: z.string() })),
  given_up: z.array(z.unknown()),
});

/** What the program says of the store with these checkpoints, and its exit code. */
async function verify(lines = checkpoints(), ...more: readonly string[]) {
  writeFileSync(file('shown.ndjson'), lines);
  const named = ['--checkpoints', file('shown.ndjson'), '--key', file('checkpoints.ndjson.pub')];
  const terminal = recordedTerminal();
  const args = ['audit', 'verify', '--config', file('interlock.yaml'), ...named, ...more];
  return { code: await runProgram(args, terminal), said: terminal.said };
}

async function verifyAsJson(lines?: string) {
  const { code, said } = await verify(lines, '--json');
  return { code, ...verdictSchema.parse(JSON.parse(said.join('\n'))) };
}

beforeAll(async () => {
  gate = await startGate();
  api = apiOf(gate);
  await engage();
  kept = await lastSeq();
  await gate.stop();
  cpSync(file('store'), file('copy'), { recursive: true });
  await gate.restart();
  await engage();
  newest = await lastSeq();
  await gate.stop();
  cpSync(file('store'), file('lost'), { recursive: true });
  rmSync(file('store'), { recursive: true });
  cpSync(file('copy'), file('store'), { recursive: true });
});
afterAll(async () => await gate.close());

it('nobody has said yet that a copy was put back: the tail is missing', async () => {
  const { code, findings, given_up } = await verifyAsJson();
  expect(findings[0]?.message).toContain(`Entry ${kept + 1} is missing: a checkpoint of`);
  expect([code, given_up]).toEqual([1, []]);
});

it('a copy was put back, and then the lost night is found: it is taken only with another word, though nothing was recorded meanwhile', async () => {
  const hash = checkpoints().trimEnd().split('"hash":"sha256:').at(-1) ?? '';
  const word = hash.slice(0, 8);
  await gate.restart(['--restored', word]);
  expect(await lastSeq()).toBe(kept + 1);
  await gate.stop();
  gate.rewrite({ config: { store: './lost' } });
  for (const args of [[], ['--restored', word]])
    await expect(gate.restart(args)).rejects.toThrow('The database is behind its newest checkpoint');
  gate.rewrite({});
});

it('a copy was put back, and that is signed: what was given up is told, and all is whole', async () => {
  await gate.restart();
  // On, past the end of what was lost.
  while ((await lastSeq()) <= newest) await engage();
  await gate.stop();
  const { code, said } = await verify();
  expect(said.join('\n')).toMatch(/^Whole: [\s\S]*Anchored by the checkpoint of/);
  expect(said.at(-1)).toMatch(
    new RegExp(
      `^1 checkpoint of a history that was given up at entry ${kept} by a signed step back at \\S+Z\\.$`,
    ),
  );
  expect(code).toBe(0);
  const { verdict, given_up } = await verifyAsJson();
  expect([verdict, given_up]).toEqual(['whole', [{ entry: kept, at: expect.any(String), checkpoints: 1 }]]);
});

it('the step back without its line, or with another number in it, is tampering as before', async () => {
  const lines = checkpoints().split('\n');
  const step = lines.findIndex(line => line.includes('"step_back"'));
  expect(step).toBeGreaterThan(0);
  const without = await verifyAsJson(lines.toSpliced(step, 1).join('\n'));
  expect([without.code, without.findings.map(({ table }) => table)]).toEqual([1, ['entries']]);
  const altered = await verifyAsJson(checkpoints().replace(/"held":\d+/, '"held":0'));
  expect(altered.findings.map(({ message }) => message)).toContain(
    `Line ${step + 1} of the checkpoints has a wrong signature.`,
  );
  expect([altered.code, altered.given_up]).toEqual([1, []]);
});

it('the lost night itself, shown with what was signed when it was given up, is not the history that counts', async () => {
  const lines = checkpoints().split('\n');
  const step = lines.findIndex(line => line.includes('"step_back"'));
  gate.rewrite({ config: { store: './lost' } });
  const { code, findings } = await verifyAsJson(`${lines.slice(0, step + 2).join('\n')}\n`);
  expect([code, findings.map(({ table }) => table)]).toEqual([1, ['entries']]);
});
