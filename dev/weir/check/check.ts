import { parseConfig } from "../../../src/config/parse-config.ts";
import { type Command, EXIT, readArguments } from "../command.ts";
import { type ConfigurationOptions, readConfiguration } from "../configuration.ts";
import { lint } from "../lint/lint.ts";
import { UsageError } from "../usage-error.ts";
import { type Findings, findingsText } from "./findings.ts";

const HELP = `usage: npm run weir -- check [options] [FILE]

Reads a wrangler.toml (or wrangler.json) as wrangler would and says what is wrong with it, without starting anything:
mistakes that would stop the start, and advice about what is valid but probably not meant.

  FILE            the configuration; default: wrangler.toml in this folder
  --env NAME      check the environment [env.NAME], which inherits no variables
  --secret NAME   a secret that the deployment has ("wrangler secret put"); may be repeated. Secrets in .dev.vars
                  beside FILE, and names in [secrets] required, are known already
  --strict        fail on advice too
  --json          print one JSON object; "npm run --silent" keeps npm's own lines out of it
  --help          print this

Exit status: 0 no mistakes, 1 mistakes (with --strict also advice), 2 wrong usage.`;

export const check: Command = {
  name: "check",
  summary: "validate and lint a configuration",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = readArguments(args, {
      env: { type: "string" },
      secret: { type: "string", multiple: true },
      strict: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    });
    const [file = "wrangler.toml", ...more] = positionals;
    if (more.length > 0) throw new UsageError("takes one file");
    const options = { environment: values.env, secrets: values.secret ?? [] };
    const findings = examine(terminal.path(file), options);
    if (values.json) terminal.print(JSON.stringify({ ...findings, file }, undefined, 2));
    else terminal.print(findingsText({ ...findings, file }, terminal.style));
    const isBad = findings.problems.length > 0 || (values.strict && findings.advice.length > 0);
    return isBad ? EXIT.found : EXIT.fine;
  },
};

function examine(file: string, options: ConfigurationOptions): Findings {
  const { env, problems } = readConfiguration(file, options);
  const parsed = parseConfig(env);
  if (!parsed.ok) return { file, policies: 0, problems: [...parsed.problems, ...problems], advice: [] };
  const { config } = parsed;
  return { file, policies: config.policies.length, problems, advice: lint(config, env) };
}
