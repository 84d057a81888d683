import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asError } from '../kit/fault.ts';
import { systemClock } from '../kit/clock.ts';
import { startGate, type Child } from '../scratch/child.ts';
import { at, createGateClient, textAt } from '../scratch/gate-client.ts';
import { createProps, type Props } from '../scratch/props.ts';
import type { DrillCase } from './case.ts';
import { startExecutor, type Executor } from './executor.ts';
import { troubleIn } from './gate-log.ts';
import { playApart, type FreshRig, type OpenRig } from './play-apart.ts';
import { playCase, type Rig } from './play.ts';
import type { CaseResult } from './result.ts';
import { CONFIG_NAME, OWN, writeScratchConfig, type ScratchConfig } from './scratch-config.ts';

/** The published incidents, and the one configuration that serves them all: the same place seen from src/drill and from dist/drill. */
export const CORPUS = fileURLToPath(new URL('../../test/drill/', import.meta.url));

/** The gate of the drill could not be started, or ended. */
export class DrillFailed extends Error {
  override readonly name = 'DrillFailed';
}

export interface ScratchDrill {
  readonly cases: readonly DrillCase[];
  readonly configFile: string;
  /** The bundle, instead of the configuration's. */
  readonly policies?: string;
  /** Each case has kinds of its own, so that one gate can play them all; without it each case gets a gate of its own. */
  readonly sharesGate: boolean;
  /** Told the rules of the gate before anything is played. What it throws ends the drill. */
  readonly onRules: (known: readonly string[]) => void;
  /** Leave the folder behind. */
  readonly keep: boolean;
  /** Told of each case before it is played. */
  readonly onCase: (drillCase: DrillCase, index: number) => void;
  /** Told where the gate's files are, if they are kept. */
  readonly onKept: (folder: string) => void;
}

/**
 * Plays cases one after the other on real gates on embedded stores in a temporary folder.
 * @throws FileError for what is wrong with the configuration, DrillFailed where no gate starts
 */
export async function runScratch(drill: ScratchDrill): Promise<CaseResult[]> {
  const { configFile, policies, keep, onKept } = drill;
  const props = createProps('drill', keep);
  let executor: Executor | undefined;
  try {
    executor = await startExecutor();
    const folder = join(props.folder, 'gate');
    const config = writeScratchConfig({ configFile, policies, folder, executorUrl: executor.url });
    return await play(drill, { props, executor, folder, keys: config.keys });
  } finally {
    await props.clear();
    await executor?.close();
    if (keep) onKept(props.folder);
  }
}

interface Ground {
  readonly props: Props;
  readonly executor: Executor;
  /** Of the first gate: its configuration, and its store once it was started. */
  readonly folder: string;
  readonly keys: ScratchConfig['keys'];
}

async function play(
  { cases, sharesGate, keep, onRules, onCase }: ScratchDrill,
  ground: Ground,
): Promise<CaseResult[]> {
  const { rig, gate } = await openRig(ground.folder, ground);
  onRules(await rulesOf(rig));
  if (sharesGate) {
    const results: CaseResult[] = [];
    for (const [index, drillCase] of cases.entries()) {
      onCase(drillCase, index);
      results.push(await playCase(drillCase, rig));
    }
    return results;
  }
  await gate.stop();
  const open: OpenRig = async ({ name }, forWhat) =>
    // No case has a name with a dot.
    await copyRig(forWhat === 'case' ? name : `${name}.${forWhat}`, ground, keep);
  return await playApart(cases, open, onCase);
}

/** Every rule that the gate has, those of the bundle among them. */
async function rulesOf({ gate }: Rig): Promise<string[]> {
  const headers = { accept: 'application/json' };
  const reply = await gate.call(OWN.operator, 'GET', '/problems', { headers });
  const rules = at(reply.body, 'rules');
  if (typeof rules !== 'object' || rules === null)
    throw new DrillFailed(`the gate does not say which rules it has: ${reply.status}`);
  return Object.keys(rules);
}

/** A gate of its own for one case: a copy of the first one, whose database is made and empty. */
async function copyRig(name: string, ground: Ground, keep: boolean): Promise<FreshRig> {
  const folder = join(ground.props.folder, 'cases', name);
  const remove = (): void => {
    if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    cpSync(ground.folder, folder, { recursive: true });
    const { rig, gate } = await openRig(folder, ground);
    const close = async (): Promise<void> => {
      await gate.stop();
      remove();
    };
    return { rig, close };
  } catch (thrown) {
    remove();
    throw thrown;
  }
}

async function openRig(
  folder: string,
  { props, executor, keys }: Ground,
): Promise<{ readonly rig: Rig; readonly gate: Child }> {
  // What is started while all else is taken away would stay behind.
  if (props.interrupted()) throw new DrillFailed('it was interrupted');
  const log = join(folder, 'gate.log');
  const gate = props.add(startGate(join(folder, CONFIG_NAME), log));
  const url = await gate.address.catch((thrown: unknown) => {
    throw new DrillFailed(`${asError(thrown).message}\n${troubleIn(log)}`);
  });
  const client = createGateClient(url, keys);
  // Without one it stands all the same, for its kill switch; and says the same of every case.
  const policy = at((await client.call(OWN.operator, 'GET', '/readyz/decide')).body, 'checks', 'policy');
  if (at(policy, 'ok') !== true)
    throw new DrillFailed(`the gate decides nothing: ${textAt(policy, 'detail')}\n${troubleIn(log)}`);
  const rig = {
    gate: client,
    executor,
    principals: new Set(Object.keys(keys)),
    nowMs: systemClock.wallMs(),
    sleep: async (forMs: number) => await pause(forMs),
  };
  return { rig, gate };
}
