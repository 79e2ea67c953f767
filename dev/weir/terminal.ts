import { isAbsolute, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where a command writes, and what it may do there. */
export interface Terminal {
  /** A line of the result, on standard output. */
  print(line?: string): void;
  /** A line about the work itself, on standard error. */
  note(line: string): void;
  /** Text in a colour or weight, as far as standard output is a terminal that wants it. */
  style(style: Style, text: string): string;
  /** Standard error, when it is a terminal: for what is drawn over and over. */
  readonly live: { write(text: string): void; readonly columns: number } | undefined;
  /** Asks for yes or no; undefined when nobody is there to answer. */
  confirm(question: string): Promise<boolean | undefined>;
  /** A path as the caller meant it: npm runs scripts in the project's folder. */
  path(written: string): string;
}

export function createTerminal(env: NodeJS.ProcessEnv): Terminal {
  const { stdin, stdout, stderr } = process;
  const startedIn = env.npm_lifecycle_event === "weir" ? env.INIT_CWD : undefined;
  return {
    print: (line = "") => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    style: (style, text) => styleText(style, text, { stream: stdout }),
    live: stderr.isTTY
      ? {
          write: (text) => void stderr.write(text),
          get columns() {
            return stderr.columns;
          },
        }
      : undefined,
    async confirm(question) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      const readline = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test((await readline.question(`${question} [y/N] `)).trim());
      } finally {
        readline.close();
      }
    },
    path: (written) => (isAbsolute(written) ? written : resolve(startedIn ?? process.cwd(), written)),
  };
}
