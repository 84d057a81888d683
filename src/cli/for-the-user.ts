import { ClientMisuseError } from '../client/errors.ts';
import { FileError } from '../config/config.ts';
import { UsageError } from '../config/environment.ts';
import { StoreRefused } from '../db/store-refused.ts';
import { addressTrouble } from './address-trouble.ts';

/** Whether the error is a sentence for whoever started the program, who can do something about it. */
export function isForTheUser(error: Error): boolean {
  if (error instanceof FileError || error instanceof UsageError || error instanceof StoreRefused) return true;
  if (error instanceof ClientMisuseError) return true;
  return addressTrouble(error) !== undefined;
}
