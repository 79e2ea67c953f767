/** What operators changed: a line of the log for each change, none left out. No key values. */
export type Audit = (change: Readonly<Record<string, string>>) => void;

export const createAudit =
  (write: (line: string) => void = console.log): Audit =>
  (change) =>
    write(JSON.stringify({ source: "weir", event: "admin", ...change }));
