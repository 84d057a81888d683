/** What an action is called that is not declared, or not here. No action can be declared by that name. */
export const UNKNOWN_ACTION = 'unknown';
