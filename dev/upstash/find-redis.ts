import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const PROGRAMS = ["redis-server", "valkey-server"];

const HOW_TO_INSTALL = `No redis-server and no valkey-server was found in PATH.
Install one of them:
  Debian, Ubuntu:  sudo apt-get install redis-server
  macOS:           brew install redis
The program is enough: it does not have to run as a service.`;

/** The first Redis or Valkey in the folders of PATH; throws an explanation when there is none. */
export function findRedis(path: string): string {
  for (const program of PROGRAMS) {
    for (const folder of path.split(delimiter).filter((entry) => entry !== "")) {
      const candidate = join(folder, program);
      if (isExecutable(candidate)) return candidate;
    }
  }
  throw new Error(HOW_TO_INSTALL);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
