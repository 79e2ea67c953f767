/** Reads server-sent events from text that comes in parts. */
export interface EventReader {
  read(part: string): void;
  /** The end also ends an event that lacks its blank line. */
  end(): void;
}

/** Hears the data of every event (HTML standard, section 9.2.6), but of those whose lines have more than `maxLength` characters. */
export function createEventReader(maxLength: number, onData: (data: string) => void): EventReader {
  /** The line under way. */
  let unread = "";
  let wasReturn = false;
  let data: string[] = [];
  /** Of all lines of the event, comments too: a piece of data keeps the text around it in memory. */
  let length = 0;

  function take(line: string): void {
    if (line === "") {
      if (data.length > 0 && length <= maxLength) onData(data.join("\n"));
      data = [];
      length = 0;
      return;
    }
    const [isData, value = ""] = /^data(?:$|: ?(.*))/s.exec(line) ?? [];
    length += line.length + 1;
    if (isData !== undefined && length <= maxLength) data.push(value);
  }

  return {
    read(part) {
      if (part === "") return;
      const [first = "", ...lines] = (wasReturn ? part.replace(/^\n/, "") : part).split(/\r\n?|\n/);
      wasReturn = part.endsWith("\r");
      // One that is too long already needs no more.
      lines.unshift(unread.length > maxLength ? unread : unread + first);
      unread = lines.pop() ?? "";
      lines.forEach(take);
    },
    end() {
      take(unread);
      take("");
    },
  };
}
