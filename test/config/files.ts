import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FileError, type Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/read-config.ts';

/** A folder of its own for one test file, and its end. */
export function temporaryFolder(): {
  readonly folder: string;
  write(name: string, text: string): string;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-config-'));
  return {
    folder,
    write: (name, text) => {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const keyHash = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A configuration that is right; tests change one thing in it. Its line numbers are counted on. */
export const GOOD = `listen: 127.0.0.1:7070
store: ./store
limits: ./limits.yaml
kill_file: ./KILL
checkpoints: ./checkpoints.ndjson
kinds:
  host:
    dimensions: [region, zone, rack, role]
    state: { label: state, in_service: [serving, draining] }
    labels: [owner]
    optional: [quarantined_at]
    max_age: 24h
    max_shrink: 10%
    max_change: 0.5%
actions:
  disk.wipe:
    kind: host
    irreversible: true
    parameters: { type: object, properties: { passes: { type: integer } }, additionalProperties: false }
    executor: { url: "http://127.0.0.1:9000/wipe", timeout: 30s, concurrency: 2, valid_for: 5m, bearer_file: ./wipe.key }
  machine.reboot:
    kind: host
    executor:
      url: https://tool.example.com/reboot?soft=1
      timeout: 2m
      concurrency: 1
      valid_for: 5m
      idempotent: true
principals:
  - { name: decom-bot, keys: ["${keyHash('a')}"], roles: [requester], actions: [disk.wipe, machine.reboot] }
  - { name: wiper, keys: ["${keyHash('b')}", "${keyHash('c')}"], roles: [executor], actions: [disk.wipe] }
  - { name: oncall, keys: ["${keyHash('d')}"], roles: [operator, auditor] }
`;

/** The good configuration with one text replaced, which must be there. */
export function withChange(from: string, to: string): string {
  if (!GOOD.includes(from)) throw new Error(`the good configuration has no ${from}`);
  return GOOD.replace(from, to);
}

/** A folder with what the good configuration points to, and ways to read configurations in it. */
export function configFolder() {
  const files = temporaryFolder();
  files.write('wipe.key', 'k-0123\n');
  const read = (text: string): Config => readConfig(files.write('interlock.yaml', text));
  /** `line: path: message` of each problem; none if the configuration is right. */
  const problemsOf = (text: string): string[] => {
    try {
      read(text);
      return [];
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return error.problems.map(one => `${one.line}: ${one.path}: ${one.message}`);
    }
  };
  return { ...files, read, problemsOf };
}

/** What it is, what is changed into what, and the problem that must be told. */
export type Change = readonly [title: string, from: string, to: string, problem: RegExp];
