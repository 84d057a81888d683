import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { scriptedServer, type Step } from '../client/scripted-server.ts';
import { temporaryFolder } from '../config/files.ts';

/** For a file of tests: a server in the place of the gate, whose address and key the commands find in their environment, and a folder. */
export function againstServer() {
  const files = temporaryFolder();
  let started: Awaited<ReturnType<typeof scriptedServer>> | undefined;
  const running = () => {
    if (started === undefined) throw new Error('the server runs while tests do');
    return started;
  };
  beforeAll(async () => {
    started = await scriptedServer();
  });
  afterAll(() => {
    started?.close();
    files.remove();
  });
  beforeEach(() => {
    vi.stubEnv('INTERLOCK_URL', running().url);
    vi.stubEnv('INTERLOCK_KEY', 'ilk_secret');
    vi.stubEnv('XDG_CONFIG_HOME', files.folder);
  });
  afterEach(() => vi.unstubAllEnvs());
  const server = {
    get url() {
      return running().url;
    },
    get received() {
      return running().received;
    },
    script: (...steps: Step[]): void => running().script(...steps),
  };
  return { files, server };
}
