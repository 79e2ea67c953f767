// Runs ahead of the TypeScript files (`node --import ./dev/require-node.js`), so it has to be JavaScript
// that an old Node understands: an old Node would only say "Unknown file extension .ts".

const OLDEST = [22, 18];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  console.error(
    `Weir needs Node ${OLDEST.join(".")} or newer and this is ${process.versions.node}. ` +
      "Run `npm ci` first and then `npm start`: the project brings its own Node.",
  );
  process.exit(1);
}
