import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { gatheredProgram, publishedProgram } from './program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const isOlder = (file: string, sinceMs: number): boolean =>
  !existsSync(file) || statSync(file).mtimeMs < sinceMs;

/** Compiles src to dist if anything in src is newer than what was compiled last, and gathers that; once per test run. */
export async function setup(): Promise<void> {
  if (isOlder(publishedProgram, newestMs(join(root, 'src')))) compile();
  const needed = Math.max(newestMs(join(root, 'dist')), statSync(join(root, 'package-lock.json')).mtimeMs);
  if (isOlder(gatheredProgram, needed)) await gather();
}

function compile(): void {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = spawnSync(process.execPath, [compiler, '-p', 'src', '--noCheck'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`tsc -p src --noCheck failed:\n${run.stdout}${run.stderr}`);
}

async function gather(): Promise<void> {
  const folder = dirname(gatheredProgram);
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: [publishedProgram],
    outdir: folder,
    bundle: true,
    splitting: true,
    // As deep as the modules of `dist`, so that what they read beside them is the same.
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // PGlite reads its WebAssembly beside its own files; the other is the package's own switch for crash points.
    external: ['@electric-sql/pglite', '#crash-point'],
    // For libraries that are CommonJS still.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    logLevel: 'error',
  });
}

function newestMs(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}
