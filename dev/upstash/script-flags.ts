const UPSTASH_FLAG = "allow-key-locking";
const FLAGS = "flags=";

/**
 * Takes Upstash's own flag out of the first line of a script, because stock Redis refuses a flag that it does not
 * know. Lines keep their numbers, so that errors point at the same place on both.
 */
export function stripKeyLocking(script: string): string {
  const lineEnd = script.indexOf("\n");
  if (!script.startsWith("#!") || lineEnd === -1) return script;
  const words = script.slice(0, lineEnd).split(/\s+/).filter(Boolean);
  const kept = words.map(withoutFlag).filter((word) => word !== FLAGS || words.includes(FLAGS));
  if (kept.join(" ") === words.join(" ")) return script;
  // A first line without any flags would still switch Redis from its older script rules to stricter ones.
  const firstLine = kept.length === 1 ? "" : kept.join(" ");
  return firstLine + script.slice(lineEnd);
}

function withoutFlag(word: string): string {
  if (!word.startsWith(FLAGS)) return word;
  const flags = word.slice(FLAGS.length).split(",");
  return FLAGS + flags.filter((flag) => flag !== UPSTASH_FLAG).join(",");
}
