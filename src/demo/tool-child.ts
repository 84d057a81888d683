import { fork } from 'node:child_process';
import { programFile, watch, type Child } from '../scratch/child.ts';

/** Starts the decommission tool. It takes the message `finish reboots`. */
export function startTool(disksFolder: string, keyFile: string): Child {
  const child = fork(programFile('demo/decommission-tool-process'), [disksFolder, keyFile]);
  return watch(child, 'the decommission tool', ready => {
    child.on('message', message => {
      if (typeof message === 'string') ready(message);
    });
  });
}
