import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startGate } from '../../src/app.ts';
import { readCorpus } from '../../src/drill/read-case.ts';
import { startExecutor } from '../../src/drill/executor.ts';
import { playCase } from '../../src/drill/play.ts';
import type { CaseResult } from '../../src/drill/result.ts';
import { CORPUS } from '../../src/drill/run-scratch.ts';
import { writeScratchConfig } from '../../src/drill/scratch-config.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { loadPolicy } from '../../src/load-policy.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { createGateClient } from '../../src/scratch/gate-client.ts';
import { putPreparedStore, temporaryFolder } from '../support/store.ts';

export interface HeldDrill {
  readonly results: readonly CaseResult[];
  /** What the policy was last asked, by case, and refused. */
  readonly refused: ReadonlyMap<string, Facts>;
  readonly limits: Limits;
}

/** The corpus on a gate in this process, so that what its policy is asked can be kept. */
export async function holdDrill(): Promise<HeldDrill> {
  const folder = await temporaryFolder();
  await putPreparedStore(path.join(folder.path, 'store'));
  const executor = await startExecutor();
  const configFile = path.join(CORPUS, 'interlock.yaml');
  const { file, keys } = writeScratchConfig({
    configFile,
    policies: undefined,
    folder: folder.path,
    executorUrl: executor.url,
  });
  const refused = new Map<string, Facts>();
  const kept: Limits[] = [];
  let playing = '';
  const logger = createLogger('silent');
  const gate = await startGate({
    configFile: file,
    activate: false,
    logger,
    loadPolicy: async (...args) => {
      const loaded = await loadPolicy(...args);
      if (loaded === undefined) return loaded;
      const { policy } = loaded;
      kept.push(policy.limits);
      const evaluate = (facts: Facts): ReturnType<typeof policy.evaluate> => {
        const verdict = policy.evaluate(facts);
        if (!verdict.allow) refused.set(playing, facts);
        return verdict;
      };
      return { ...loaded, policy: { ...policy, evaluate } };
    },
  });
  try {
    const rig = {
      gate: createGateClient(gate.address, keys),
      executor,
      principals: new Set(Object.keys(keys)),
      nowMs: Date.now(),
      sleep: async (forMs: number) => await pause(forMs),
    };
    const results: CaseResult[] = [];
    for (const drillCase of readCorpus(path.join(CORPUS, 'cases'))) {
      playing = drillCase.name;
      results.push(await playCase(drillCase, rig));
    }
    const [limits] = kept;
    if (limits === undefined) throw new Error('the policy was not loaded');
    return { results, refused, limits };
  } finally {
    await gate.close();
    await executor.close();
    await folder.remove();
  }
}
