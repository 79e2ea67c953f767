/** Reads server-sent events from text that comes in parts. */
export interface EventReader {
  read(part: string): void;
  /** The end also ends an event that lacks its blank line. */
  end(): void;
}

/** What stands in front of the data of a line, at most. */
const MAX_NAME_LENGTH = 6;

/** Hears the data of every event (HTML standard, section 9.2.6), but of those with more than `maxLength` characters
 * of data and of lines beside it. */
export function createEventReader(maxLength: number, onData: (data: string) => void): EventReader {
  /** The line under way. */
  let unread = "";
  let wasReturn = false;
  let data: string[] = [];
  /** Of the data, and of all other lines, which a piece of data keeps in memory; -1: no line yet. */
  let length = -1;

  function take(line: string): void {
    if (line === "") {
      if (data.length > 0 && length <= maxLength) onData(data.join("\n"));
      data = [];
      length = -1;
      return;
    }
    const [isData, value = ""] = /^data(?:$|: ?(.*))/s.exec(line) ?? [];
    length += (isData === undefined ? line : value).length + 1;
    if (isData !== undefined && length <= maxLength) data.push(value);
  }

  return {
    read(part) {
      if (part === "") return;
      const [first = "", ...lines] = (wasReturn ? part.replace(/^\n/, "") : part).split(/\r\n?|\n/);
      wasReturn = part.endsWith("\r");
      // One that is too long already needs no more.
      lines.unshift(unread.length > MAX_NAME_LENGTH + maxLength ? unread : unread + first);
      unread = lines.pop() ?? "";
      lines.forEach(take);
    },
    end() {
      take(unread);
      take("");
    },
  };
}
