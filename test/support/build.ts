import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles src to dist if anything in src is newer than what was compiled last; once per test run. */
export function buildProgram(): void {
  const built = join(root, 'dist', 'main.js');
  const builtMs = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (newestMs(join(root, 'src')) <= builtMs) return;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = spawnSync(process.execPath, [compiler, '-p', 'src'], { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`tsc -p src failed:\n${run.stdout}${run.stderr}`);
}

/** For vitest's `globalSetup`. */
export const setup = buildProgram;

function newestMs(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}
