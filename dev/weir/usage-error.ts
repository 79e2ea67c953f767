/** Wrong usage, or something named on the command line that cannot be used. The message is made to be shown. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
