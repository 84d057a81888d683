// The demo's decommission tool as a process of its own: node decommission-tool-process.js DISKS_FOLDER KEY_FILE
import { readFileSync } from 'node:fs';
import { createDecommissionTool } from './decommission-tool.ts';

const [disksFolder, keyFile] = process.argv.slice(2);
if (disksFolder === undefined || keyFile === undefined) {
  console.error('usage: decommission-tool-process DISKS_FOLDER KEY_FILE');
  process.exit(2);
}
const tool = createDecommissionTool(disksFolder, readFileSync(keyFile, 'utf8').trim());
process.on('message', message => {
  if (message === 'finish reboots') tool.finishReboots();
});
// It ends with the demo, however the demo ends; an interrupt from the terminal reaches both, and the demo cleans up.
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
tool.server.listen(0, '127.0.0.1', () => {
  const address = tool.server.address();
  if (typeof address === 'object' && address !== null) process.send?.(`http://127.0.0.1:${address.port}`);
});
