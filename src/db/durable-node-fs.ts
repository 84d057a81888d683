import { fdatasyncSync } from 'node:fs';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { EngineEnded } from './engine.ts';

/** Brings a file's data to the disk, or throws. */
export type SyncFile = (fd: number) => void;

/** What libc calls EIO where PGlite runs. */
const EIO = 29;

/** What Emscripten's file system driver has, and its types do not name. */
interface Driver {
  readonly stream_ops: { fsync?: (stream: { nfd: number }) => number };
}

function hasStreams(driver: object): driver is Driver {
  return 'stream_ops' in driver && typeof driver.stream_ops === 'object' && driver.stream_ops !== null;
}

/**
 * PGlite's files in a folder, with an fsync that is one: PGlite's own driver has none, so that a commit would survive the
 * process and not a power cut. A failed sync becomes EIO, on which PostgreSQL panics: nothing is acknowledged after it.
 */
export class DurableNodeFS extends NodeFS {
  readonly #sync: SyncFile;

  constructor(folder: string, sync: SyncFile = fdatasyncSync) {
    super(folder);
    this.#sync = sync;
  }

  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...args);
    const install = ({ NODEFS: driver }: { NODEFS: object }): void => {
      if (!hasStreams(driver))
        throw new Error("PGlite's file system driver is not the one that was made durable");
      driver.stream_ops.fsync = stream => this.#syncOrErrno(stream.nfd);
    };
    const onAbort = (): void => {
      throw new EngineEnded();
    };
    return {
      emscriptenOpts: { ...emscriptenOpts, onAbort, preRun: [...(emscriptenOpts.preRun ?? []), install] },
    };
  }

  #syncOrErrno(fd: number): number {
    try {
      this.#sync(fd);
      return 0;
    } catch {
      return EIO;
    }
  }
}
