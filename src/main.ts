#!/usr/bin/env node
import { watchForCrashes } from './cli/crash.ts';
import { runProgram } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';
import { watchOutput } from './cli/watch-output.ts';

// Words of libraries to their programmers, as of `pg` on a ~/.pgpass that works: a gate writes JSON on stderr, and nothing else.
process.noDeprecation = true;
watchForCrashes();
watchOutput();
const code = await runProgram(process.argv.slice(2), processTerminal);
// A gate that runs answered 0, and so did a command with a code of its own in `process.exitCode`. What failed may have left
// something open that would keep the process alive.
if (code !== 0) process.exit(code);
