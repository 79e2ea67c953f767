import { useRef, useState } from "hono/jsx/dom";
import type { KeyParts } from "../api/client.ts";
import { typed } from "../parts/typed.ts";

interface LookupFormProps {
  /** Parts that policies ask for; at least one. */
  readonly parts: readonly string[];
  readonly busy: boolean;
  readonly onLookup: (key: KeyParts) => void;
}

interface Line {
  readonly id: number;
  readonly part: string;
  readonly value: string;
}

/** One or more parts of a key, each with its value in clear. */
export function LookupForm({ parts, busy, onLookup }: LookupFormProps) {
  const [lines, setLines] = useState<readonly Line[]>([{ id: 0, part: parts[0] ?? "", value: "" }]);
  const nextId = useRef(1);
  const form = useRef<HTMLFormElement>(null);
  const unused = parts.filter((part) => lines.every((line) => line.part !== part));

  const change = (id: number, changed: Partial<Line>) =>
    setLines((now) => now.map((line) => (line.id === id ? { ...line, ...changed } : line)));
  const add = () => setLines([...lines, { id: nextId.current++, part: unused[0] ?? "", value: "" }]);
  const remove = (id: number) => {
    setLines(lines.filter((line) => line.id !== id));
    form.current?.querySelector("input")?.focus();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!busy) onLookup(Object.fromEntries(lines.map(({ part, value }) => [part, value])));
  };
  return (
    <form class={lines.length === 1 ? "lookup single" : "lookup"} ref={form} onSubmit={submit}>
      {lines.map((line, i) => (
        <LineFields
          key={line.id}
          line={line}
          number={i + 1}
          parts={[line.part, ...unused].toSorted((one, other) => parts.indexOf(one) - parts.indexOf(other))}
          onChange={(changed) => change(line.id, changed)}
          onRemove={lines.length > 1 ? () => remove(line.id) : undefined}
        />
      ))}
      <div class="buttons">
        <button type="submit" class="main" aria-disabled={busy}>
          Look up
        </button>
        {unused.length > 0 && (
          <button type="button" onClick={add}>
            Add a part
          </button>
        )}
      </div>
    </form>
  );
}

interface LineFieldsProps {
  readonly line: Line;
  readonly number: number;
  readonly parts: readonly string[];
  readonly onChange: (changed: Partial<Line>) => void;
  readonly onRemove: (() => void) | undefined;
}

function LineFields({ line, number, parts, onChange, onRemove }: LineFieldsProps) {
  return (
    <div class="line">
      <label>
        <span>{number === 1 ? "Key part" : `Key part ${number}`}</span>
        <select value={line.part} onChange={(event) => onChange({ part: typed(event) })}>
          {parts.map((part) => (
            <option key={part} value={part}>
              {part}
            </option>
          ))}
        </select>
      </label>
      <label class="value">
        <span>{number === 1 ? "Value" : `Value ${number}`}</span>
        <input
          value={line.value}
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          placeholder={exampleOf(line.part)}
          onInput={(event) => onChange({ value: typed(event) })}
        />
      </label>
      {onRemove && (
        <button type="button" aria-label={`Remove key part ${number}`} onClick={onRemove}>
          Remove
        </button>
      )}
    </div>
  );
}

const exampleOf = (part: string): string => (part === "ip" ? "203.0.113.7" : "as the request has it");
