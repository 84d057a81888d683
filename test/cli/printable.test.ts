import { describe, expect, test } from 'vitest';
import { writePrintable } from '../../src/cli/printable.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Step } from '../client/scripted-server.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// JSON leaves the control characters above ASCII, and what turns the direction of writing, as they are. A terminal obeys them.

const { server } = againstServer();

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const HOSTILE = '\u009b2J \u202e evil \u2066 \u007f \u0085 \u2028';
// eslint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const decision = {
  ...{ id: ID, mode: 'request', decision: 'allowed', principal: 'bot', action: 'disk.wipe', status: 200 },
  ...{ reason: HOSTILE, parameters: { note: HOSTILE }, targets: { count: 1 }, reasons: [] },
  ...{ body_digest: 'sha256:', decided_at: '2026-11-28T12:00:00.000Z' },
};
const engaged = {
  ...{ id: ID, scope: {}, reason: HOSTILE, except: [], engaged_at: '2026-11-28T03:00:00Z' },
  ...{ engaged_by: 'oncall', on_the_wire: [], stopped: [], took_ms: 1 },
};
const inventory = { kinds: { host: { count: 1, note: HOSTILE } } };

async function said(args: readonly string[], person: boolean, ...steps: Step[]): Promise<string> {
  server.script(...steps);
  const terminal = { ...recordedTerminal(), isPerson: person };
  await runProgram(args, terminal);
  return terminal.said.join('\n');
}

describe('the text of others steers no terminal', () => {
  test.each<[string[], Step]>([
    [['kill', 'status', '--json'], { status: 200, body: { engaged: [engaged] } }],
    [['kill', '--json'], { status: 201, body: engaged }],
    [['audit', 'show', ID, '--json'], { status: 200, body: decision }],
    [['audit', 'search', '--json'], { status: 200, body: { items: [decision], next: null } }],
    [['inventory', 'summary', '--json'], { status: 200, body: inventory }],
  ])('in the JSON of `%s`, and a program reads what it was', async (args, step) => {
    const text = await said(args, false, step);
    expect(text).not.toMatch(STEERS);
    expect(JSON.stringify(JSON.parse(text))).toContain(HOSTILE.slice(0, 8));
  });

  test('in CSV on a terminal; a program reads it as it is', async () => {
    const body = { items: [decision], next: null };
    const args = ['audit', 'search', '--csv'];
    expect(await said(args, true, { status: 200, body })).not.toMatch(STEERS);
    expect(await said(args, false, { status: 200, body })).toContain(HOSTILE);
  });

  test('in an export on a terminal, though a piece of it ends within a character', async () => {
    const line = `{"reason":"${HOSTILE}"}\n`;
    const written: Uint8Array[] = [];
    const write = writePrintable(async bytes => void written.push(bytes));
    for (const byte of Buffer.from(line + line)) await write(Uint8Array.of(byte));
    const shown = Buffer.concat(written).toString();
    expect(shown).not.toMatch(STEERS);
    expect(shown.trimEnd().split('\n')).toHaveLength(2);
    expect(JSON.parse(shown.split('\n')[0] ?? '')).toEqual(JSON.parse(line));
  });
});
