/** Epoch milliseconds. Every part that needs the time is given one; in a Worker it only moves on I/O. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();
