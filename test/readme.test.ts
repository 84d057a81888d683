import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// README.md's blocks of shell, pasted one after the other into a shell as a newcomer would, but for the two ports.

const root = fileURLToPath(new URL('..', import.meta.url));
const MARK = '=== block';
/** A block that hangs (a gate that does not become ready) ends the shell, and fails what follows. */
const PATIENCE_MS = 60_000;

interface Told {
  readonly code: number | null;
  /** What each block printed, in order; of those that were not reached nothing. */
  readonly blocks: readonly string[];
  readonly errors: string;
}

let told: Told;
let folder = '';

/** A folder that looks like a clone after `npm ci`. */
function makeClone(): string {
  const clone = mkdtempSync(join(tmpdir(), 'interlock-readme-'));
  copyFileSync(join(root, 'package.json'), join(clone, 'package.json'));
  for (const name of ['dist', 'migrations', 'policies', 'node_modules'])
    symlinkSync(join(root, name), join(clone, name));
  return clone;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has no other kind of address
  await new Promise(resolve => server.close(resolve));
  return port;
}

const blocksOf = (text: string): string[] =>
  [...text.matchAll(/^```sh\n(.*?)^```$/gmsu)].map(([, block = '']) => block);

/** Runs the blocks in one shell, which stops at the first command that fails. */
async function paste(blocks: readonly string[], where: string): Promise<Told> {
  const script = blocks.map((block, at) => `printf '\\n%s %s\\n' '${MARK}' ${at}\n${block}`).join('\n');
  // What `npm test` says of this package must not reach the npm of the blocks.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/iu.test(name)));
  const shell = spawn('bash', ['-c', `set -eo pipefail\n${script}\nexit 0`], {
    cwd: where,
    env: { ...env, no_proxy: '127.0.0.1' },
    // A group of its own, with the gate and the tool that the blocks leave in the background.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = shell;
  if (pid === undefined) throw new Error('there is no bash');
  let [said, errors] = ['', ''];
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  shell.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const endGroup = (): void => {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // Nothing of it is left: the blocks failed before they started anything.
    }
  };
  const closed = new Promise(resolve => shell.once('close', resolve));
  const impatience = setTimeout(endGroup, PATIENCE_MS);
  const code = await new Promise<number | null>(resolve => shell.once('exit', resolve));
  clearTimeout(impatience);
  endGroup();
  await closed;
  const [, ...printed] = said.split(new RegExp(`^${MARK} \\d+\n`, 'mu'));
  return { code, blocks: printed, errors };
}

/** The JSON documents that a block printed, a line each. */
const documentsOf = (block: number): unknown[] =>
  (told.blocks[block] ?? '')
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line));

const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe.skipIf(!hasCurl)('README.md', () => {
  beforeAll(async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [gate, tool] = [await freePort(), await freePort()];
    const blocks = blocksOf(readme).map(block =>
      block.replaceAll('7070', String(gate)).replaceAll('9000', String(tool)),
    );
    folder = makeClone();
    told = await paste(blocks, folder);
  });
  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const said = (block: number): string => told.blocks[block] ?? '';

  it('has a block for each of its ten steps, and each of them runs', () => {
    expect(told.blocks.length, `${told.blocks.join('\n')}${told.errors}`).toBe(10);
    expect(told.code, told.errors).toBe(0);
  });

  it('has an inventory that is taken', () => {
    expect(said(5)).toMatch(/209/u);
  });

  it('asks: the first is delivered, the second is the same again, the third is 2014, the fourth is too many', () => {
    const [sent, third, ...more] = documentsOf(6);
    const targets = Array.from({ length: 8 }, (_, index) => `old-${index + 1}`);
    // The stand-in prints what it was asked to do: once.
    expect(sent).toMatchObject({ action: 'disk.wipe', targets, reason: 'rack r99 is retired' });
    expect(third).toMatchObject({ status: 422, decision: 'refused', reasons: [{ rule: 'targets.empty' }] });
    expect(more).toEqual([]);
    expect(said(6).match(/^done \(/gmu)).toHaveLength(2);
    expect(told.errors).toContain('the recorded answer of an earlier request');
    expect(said(6) + told.errors).toMatch(/blast_radius\.max_targets/u);
    expect(said(6)).toContain('exit code 1');
  });

  it('stops everything in one call, says what is engaged, and releases it', () => {
    const [engaged] = documentsOf(7);
    // A scope that names nothing is everything.
    expect(engaged).toHaveProperty('scope', {});
    expect(said(7)).toContain('wrong hosts are being wiped');
    expect(said(7)).toMatch(/released/iu);
  });

  it('shows what happened, and that the trail is whole', () => {
    expect(said(8)).toMatch(/disk\.wipe/u);
    expect(said(8)).toMatch(/^Whole: \d+ entries/mu);
  });
});
