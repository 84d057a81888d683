import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { apiOf, expectDelivered, host } from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import { startGate } from '../support/gate.ts';
import { freshDatabase, postgresAbsent } from '../support/postgres.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packed = z.tuple([z.object({ files: z.array(z.object({ path: z.string() })) })]);

/** What npm would publish, by name. */
function publishedFiles(): readonly string[] {
  const told = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return packed.parse(JSON.parse(told))[0].files.map(file => file.path);
}

describe('what is published', () => {
  let folder: TemporaryFolder;
  let files: readonly string[] = [];

  beforeAll(async () => {
    files = publishedFiles();
    folder = await temporaryFolder();
    for (const name of files) cpSync(path.join(root, name), path.join(folder.path, name));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder.path, 'node_modules'));
  });

  afterAll(async () => {
    await folder.remove();
  });

  /** Loads the whole gate from what is published, and starts nothing. */
  const load = (...node: readonly string[]) =>
    spawnSync(process.execPath, [...node, path.join(folder.path, 'dist/app.js')], { encoding: 'utf8' });

  it('holds no module that kills, and the one that does nothing', () => {
    expect(files.filter(name => name.includes('crash-point')).toSorted()).toEqual([
      'dist/kit/crash-point.js',
      'dist/kit/crash-point.js.map',
    ]);
    // The drill's cases are data, and part of the product.
    expect(files.filter(name => /^test\/(?!drill\/.+\.yaml$)|crash-here/.test(name))).toEqual([]);
    const code = files.filter(name => name.endsWith('.js'));
    expect(code.length).toBeGreaterThan(100);
    const holding = (word: RegExp): string[] =>
      code.filter(name => word.test(readFileSync(path.join(root, name), 'utf8')));
    expect(holding(/INTERLOCK_CRASH/)).toEqual([]);
    // A gate that has ended, and that a hanging disk would keep, kills itself.
    expect(holding(/kill\(process\.pid/)).toEqual(['dist/cli/hanging-disk.js']);
    // The calls themselves are there: what they call is what does nothing.
    expect(holding(/\bcrashPoint\('/).length).toBeGreaterThan(5);
    const [, body = 'no function'] =
      /function crashPoint\(\w*\) \{([^}]*)\}/.exec(
        readFileSync(path.join(root, 'dist/kit/crash-point.js'), 'utf8'),
      ) ?? [];
    expect(body.trim()).toBe('');
  });

  it('loads, and under the condition of the tests it does not', () => {
    const as = load();
    expect(as.status, as.stderr).toBe(0);
    const under = load('--conditions=interlock-crash');
    expect(under.status).not.toBe(0);
    expect(under.stderr).toContain('crash-here.js');
  });
});

describe('a gate that is started as users start it', () => {
  it('passes every point, whatever the variable and the file say', async () => {
    const executor = await startExecutor();
    const database = postgresAbsent() === undefined ? await freshDatabase() : undefined;
    const gate = await startGate({
      executor: executor.url,
      ...(database !== undefined && { store: database.url }),
      environment: { INTERLOCK_CRASH_FILE: './crash' },
      prepare: folder => writeFileSync(path.join(folder, 'crash'), 'intake.read'),
    });
    try {
      const api = apiOf(gate);
      expect((await api.put('host', [host('h-1')])).status).toBe(200);
      await expectDelivered(api, await api.submit('test.act', ['h-1']));
      expect(existsSync(path.join(gate.folder, 'crash.reached'))).toBe(false);
    } finally {
      await gate.close();
      await executor.close();
      await database?.drop();
    }
  });
});
