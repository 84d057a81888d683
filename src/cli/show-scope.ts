import type { Scope } from '../client/types.ts';
import { printable } from './printable.ts';

/** What a switch stops, as a person reads it. */
export function showScope(scope: Scope): string {
  if ('action' in scope) return `action ${printable(scope.action)}`;
  if ('dimension' in scope) return `${printable(scope.dimension)} ${printable(scope.value)}`;
  return 'everything';
}
