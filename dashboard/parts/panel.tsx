import type { Child } from "hono/jsx/dom";

interface PanelProps {
  readonly id: string;
  readonly title: string;
  /** Beside the title. */
  readonly note?: Child;
  readonly children?: Child;
}

/** A part of the page with a heading of its own. */
export const Panel = ({ id, title, note, children }: PanelProps) => (
  <section class="panel" id={id} aria-labelledby={`${id}-title`}>
    <div class="heading">
      <h2 id={`${id}-title`} tabindex={-1}>
        {title}
      </h2>
      {note === undefined ? null : <div class="quiet">{note}</div>}
    </div>
    {children}
  </section>
);

/** What a panel says while it has nothing to show: still waiting, or that waiting failed. */
export const Nothing = ({ failure }: { readonly failure?: string | undefined }) =>
  failure === undefined ? <p class="quiet nothing">Loading …</p> : <p class="problem nothing">{failure}</p>;
