#!/usr/bin/env node
// Before anything that takes time to load: it ends a process that does not listen for it, and a gate that is loading has no files yet to read again.
if (process.argv[2] === 'serve') process.on('SIGHUP', () => undefined);
// Words of libraries to their programmers, as of `pg` on a ~/.pgpass that works: a gate writes JSON on stderr, and nothing else.
process.noDeprecation = true;
// With it whoever answers would be the database, the server of bundles, the gate. What is to be believed beside is named: NODE_EXTRA_CA_CERTS.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
const [{ watchForCrashes }, { endProcess }, { runProgram }, { processTerminal }, { watchOutput }] =
  await Promise.all([
    import('./cli/crash.ts'),
    import('./cli/end-process.ts'),
    import('./cli/program.ts'),
    import('./cli/terminal.ts'),
    import('./cli/watch-output.ts'),
  ]);
watchForCrashes();
watchOutput();
const code = await runProgram(process.argv.slice(2), processTerminal);
// A gate that runs answered 0, and so did a command with a code of its own in `process.exitCode`. What failed may have left
// something open that would keep the process alive.
if (code !== 0) await endProcess(code);
