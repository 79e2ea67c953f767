import { typed } from "../parts/typed.ts";
import { LENGTHS, type Length, OWN } from "./until.ts";

interface UntilFieldProps {
  readonly length: Length;
  readonly local: string;
  readonly onLength: (length: Length) => void;
  readonly onLocal: (local: string) => void;
}

export function UntilField({ length, local, onLength, onLocal }: UntilFieldProps) {
  const choices = [...LENGTHS, { id: OWN, label: "until …" } as const];
  return (
    <fieldset class="until">
      <legend>How long</legend>
      <div class="choices">
        {choices.map(({ id, label }) => (
          <label key={id}>
            <input
              type="radio"
              name="length"
              value={id}
              checked={id === length}
              onChange={() => onLength(id)}
            />
            {label}
          </label>
        ))}
      </div>
      {length === OWN && (
        <label class="field">
          Until, in your time zone
          <input type="datetime-local" value={local} required onInput={(event) => onLocal(typed(event))} />
        </label>
      )}
    </fieldset>
  );
}
