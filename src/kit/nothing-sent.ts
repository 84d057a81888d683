/** So the detail of an outcome says that the executor never heard of the request: it refused nothing. */
export const NOTHING_WAS_SENT = 'Nothing was sent';
