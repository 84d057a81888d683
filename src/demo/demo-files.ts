import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../kit/digest.ts';
import { freshKey } from '../kit/ids.ts';

/** The principals of the demo. */
export type DemoPrincipal = 'decom-bot' | 'cleanup-bot' | 'maintenance-bot' | 'oncall' | 'cmdb-sync';

export type DemoKeys = Readonly<Record<DemoPrincipal, string>>;

export function freshKeys(): DemoKeys {
  return {
    'decom-bot': freshKey(),
    'cleanup-bot': freshKey(),
    'maintenance-bot': freshKey(),
    oncall: freshKey(),
    'cmdb-sync': freshKey(),
  };
}

/** Writes the key that the gate and the tool share, readable by their owner only. */
export async function writeToolKey(folder: string): Promise<{ readonly file: string; readonly key: string }> {
  const file = join(folder, 'tool.key');
  const key = freshKey();
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return { file, key };
}

/** Writes interlock.yaml and limits.yaml; returns the configuration's path. */
export async function writeGateFiles(folder: string, toolUrl: string, keys: DemoKeys): Promise<string> {
  const file = join(folder, 'interlock.yaml');
  await writeFile(file, configYaml(toolUrl, keys));
  await writeFile(join(folder, 'limits.yaml'), limitsYaml);
  return file;
}

/** The configuration of the demo's gate: what there is, what may be asked, and who may ask. */
const configYaml = (toolUrl: string, keys: DemoKeys): string => `\
# interlock.yaml: what there is, what may be asked for, and who may ask. Paths are relative to this file.

listen: 127.0.0.1:0                  # port 0: any that is free; the gate prints its address
store: ./store                       # a folder: the embedded database. Or postgres://user@host/name
limits: ./limits.yaml                # how much, how fast, how widely: data, not code
kill_file: ./KILL                    # touch this file, and nothing more leaves this gate, the database away or not
checkpoints: ./checkpoints.ndjson    # signed heads of the audit chain, kept outside the database

kinds:
  host:
    dimensions: [region, zone, cluster, rack, role]            # labels that are failure domains
    state: { label: state, in_service: [serving, draining] }   # what counts as still working
    labels: [owner]                                            # further labels that each host must have
    max_age: 24h                     # an older inventory refuses every decision
    max_shrink: 10%                  # a snapshot that loses more than this is refused
    max_change: 20%                  # and one that relabels more than this

actions:
  disk.wipe:
    kind: host
    irreversible: true               # never twice on the same host
    executor: { url: "${toolUrl}/wipe", timeout: 30s, concurrency: 2, valid_for: 5m, bearer_file: ./tool.key }
  machine.reboot:
    kind: host
    executor:
      { url: "${toolUrl}/reboot", timeout: 1m, concurrency: 1, valid_for: 5m, idempotent: true, bearer_file: ./tool.key }

principals:                          # keys are stored as hashes; \`interlock keygen NAME\` prints a key and its line
  - name: decom-bot
    keys: ["${sha256(keys['decom-bot'])}"]
    roles: [requester]
    actions: [disk.wipe]
  - name: cleanup-bot
    keys: ["${sha256(keys['cleanup-bot'])}"]
    roles: [requester]
    actions: [disk.wipe]
  - name: maintenance-bot
    keys: ["${sha256(keys['maintenance-bot'])}"]
    roles: [requester]
    actions: [machine.reboot]
  - name: oncall                     # whoever holds the pager: may stop everything, and sees everything
    keys: ["${sha256(keys.oncall)}"]
    roles: [operator, auditor]
  - name: cmdb-sync                  # tells the gate which hosts there are
    keys: ["${sha256(keys['cmdb-sync'])}"]
    roles: [inventory]
`;

/** The limits of the demo's gate. */
const limitsYaml = `\
# limits.yaml: how much, how fast, how widely. An action without an entry here is never allowed.

actions:
  disk.wipe:
    max_targets: 40                            # in one request: a rack
    max_share: { fleet: 0.5%, zone: { share: 5%, at_least: 1 }, rack: 100% }
    max_values: { region: 1, zone: 1, rack: 2 }   # one request stays in one zone
    min_remaining: { role: 3 }                 # no role is ever left with fewer hosts in service
    require: { state: [decommissioning] }      # only what was taken out of service before
    windows:                                   # sliding, exact, over all clients and gates
      - { per: fleet, over: 1h, max_targets: 100 }
      - { per: region, over: 24h, max_share: 2% }
      - { per: principal, over: 1h, max_targets: 80 }
    max_requests: [{ per: principal, over: 1m, max: 30 }]
    max_in_flight: 4
  machine.reboot:
    max_targets: 20
    max_share: { fleet: 0.5%, zone: 1%, rack: 50% }
    max_values: { zone: 1 }
    require: { state: [serving, draining] }
    windows:
      - { per: fleet, over: 10m, max_targets: 60 }
    max_in_flight: 4

budgets:                                       # all actions together
  - { kind: host, per: fleet, over: 24h, max_share: 3% }

protected:                                     # no action may touch these, whoever asks
  - { kind: host, selector: { role: [console] } }
`;
