export type GreetingFacts = {
  /** Where Weir listens. */
  url: string;
  /** The user's own server, when Weir protects that and not the demo. */
  origin: string | undefined;
  /** Whether the environment sets POLICIES, which then wins over wrangler.toml. */
  policiesFromEnvironment: boolean;
  /** The command that started all this. */
  command: string;
  /** More to try, as rows of a name and what to do. */
  more: readonly (readonly [string, string])[];
};

/** What to try, once everything runs. */
export function greeting({ url, origin, policiesFromEnvironment, command, more }: GreetingFacts): string {
  const policies = policiesFromEnvironment
    ? "in POLICIES of this environment, ahead of wrangler.toml"
    : "in wrangler.toml; a saved change applies at once";
  const lines = [
    ...(origin === undefined ? aboutDemo(url, command) : aboutOrigin(url, new URL(origin))),
    ...more.map(([name, text]) => `  ${name.padEnd(10)}  ${text}`),
    `  Policies    ${policies}`,
    "  Stop        Ctrl-C",
  ];
  return `\n${lines.join("\n")}\n`;
}

function aboutDemo(url: string, command: string): string[] {
  return [
    "Weir is running, in front of a demo server.",
    "",
    `  Look        ${url}/`,
    `  In a shell  ${sixTimes(`curl -i -X POST -H 'X-User-Id: u' ${url}/chat/message`)}`,
    `  Your own    ORIGIN=http://127.0.0.1:3000 ${command}`,
  ];
}

function aboutOrigin(url: string, origin: URL): string[] {
  return [
    // Only the origin: a URL may carry a password.
    `Weir is running, in front of ${origin.origin}.`,
    "",
    `  Use         ${url}/ in place of your server's address`,
    `  In a shell  ${sixTimes(`curl -i ${url}/`)}`,
  ];
}

function sixTimes(command: string): string {
  return `for i in 1 2 3 4 5 6; do ${command}; done`;
}
