/** With this a refusal of an engage ends, for whoever wants to stop everything must not have to guess; where it is said, nobody says it again. */
export const NOTHING_ENGAGED = 'Nothing was engaged.';
