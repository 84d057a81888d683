import closeWithGrace from 'close-with-grace';

export interface Grace {
  /** On the first signal; when it resolves the process ends with 0. It takes as long as it takes: claimed work has its own time-outs. */
  readonly close: (signal: string) => Promise<void>;
  /** On an error that nothing caught, and when `close` fails. Must end the process. */
  readonly failed: (thrown: unknown) => never;
  /** On a second signal. Must end the process. */
  readonly impatient: (signal: string) => never;
}

/** Ends the process well on SIGTERM and its like, until `leave`; SIGHUP does not end it (serve.ts). The library's own exit codes are never reached but for 0. */
export function endWithGrace({ close, failed, impatient }: Grace): { leave(): void } {
  const { uninstall } = closeWithGrace(
    {
      delay: false,
      logger: false,
      skip: ['beforeExit', 'SIGHUP'],
      onSecondSignal: impatient,
      onSecondError: failed,
    },
    async ({ err, signal }) => {
      if (err !== undefined) failed(err);
      try {
        await close(signal ?? 'unknown');
      } catch (thrown) {
        failed(thrown);
      }
    },
  );
  return { leave: uninstall };
}
