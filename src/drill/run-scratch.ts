import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asError } from '../kit/fault.ts';
import { systemClock } from '../kit/clock.ts';
import { startGate } from '../scratch/child.ts';
import { createGateClient } from '../scratch/gate-client.ts';
import { createProps } from '../scratch/props.ts';
import type { DrillCase } from './case.ts';
import { startExecutor, type Executor } from './executor.ts';
import { playCase } from './play.ts';
import type { CaseResult } from './result.ts';
import { writeScratchConfig } from './scratch-config.ts';

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
  /** Leave the folder behind. */
  readonly keep: boolean;
  /** Told of each case before it is played. */
  readonly onCase: (drillCase: DrillCase, index: number) => void;
  /** Told where the gate's files are, if they are kept. */
  readonly onKept: (folder: string) => void;
}

/**
 * Plays cases one after the other on a real gate on an embedded store in a temporary folder.
 * @throws FileError for what is wrong with the configuration, DrillFailed where the gate does not start
 */
export async function runScratch(drill: ScratchDrill): Promise<CaseResult[]> {
  const { cases, configFile, policies, keep, onCase, onKept } = drill;
  const props = createProps('drill', keep);
  let executor: Executor | undefined;
  try {
    executor = await startExecutor();
    const { file, keys } = writeScratchConfig({
      configFile,
      policies,
      folder: props.folder,
      executorUrl: executor.url,
    });
    const gate = props.add(startGate(file, join(props.folder, 'gate.log')));
    const url = await gate.address.catch((thrown: unknown) => {
      throw new DrillFailed(`${asError(thrown).message}\n${lastLines(join(props.folder, 'gate.log'))}`);
    });
    const stage = {
      gate: createGateClient(url, keys),
      executor,
      principals: new Set(Object.keys(keys)),
      nowMs: systemClock.wallMs(),
    };
    const results: CaseResult[] = [];
    for (const [index, drillCase] of cases.entries()) {
      onCase(drillCase, index);
      results.push(await playCase(drillCase, stage));
    }
    return results;
  } finally {
    await props.clear();
    await executor?.close();
    if (keep) onKept(props.folder);
  }
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-5).join('\n');
  } catch {
    return '(the gate left no log)';
  }
}
