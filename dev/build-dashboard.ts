import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const ROOT = resolve(import.meta.dirname, "..");
const SOURCE = join(ROOT, "dashboard");

/** Where the texts are that the Worker serves. */
export const BUILT = join(ROOT, "src/admin/dashboard");

/** The dashboard's page, script and style, by the name of the file that each is kept in. */
export type DashboardTexts = Readonly<
  Record<"dashboard.html" | "dashboard.js.txt" | "dashboard.css.txt", string>
>;

/** Builds the dashboard from its sources: the same sources give the same texts. */
export async function buildDashboard(): Promise<DashboardTexts> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { dashboard: join(SOURCE, "main.tsx"), style: join(SOURCE, "styles/main.css") },
    outdir: BUILT,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    charset: "utf8",
    legalComments: "none",
    tsconfig: join(SOURCE, "tsconfig.json"),
    write: false,
  });
  const textOf = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
  return {
    "dashboard.html": readFileSync(join(SOURCE, "dashboard.html"), "utf8").replace(/\n\s*/g, " "),
    "dashboard.js.txt": textOf("dashboard.js"),
    "dashboard.css.txt": textOf("style.css"),
  };
}

if (import.meta.main) {
  mkdirSync(BUILT, { recursive: true });
  for (const [name, text] of Object.entries(await buildDashboard())) writeFileSync(join(BUILT, name), text);
}
