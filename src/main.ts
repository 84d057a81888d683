#!/usr/bin/env node
import { watchForCrashes } from './cli/crash.ts';
import { runProgram } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

watchForCrashes();
const code = await runProgram(process.argv.slice(2), processTerminal);
// A command may have set one of its own, which a 0 must not hide.
if (code !== 0) process.exitCode = code;
