import { useLayoutEffect } from "hono/jsx/dom";

/** Figures that come in let rows change places, and a row that is moved loses the keyboard: it is given back. */
export function useKeptFocus(): void {
  const focused = document.activeElement;
  useLayoutEffect(() => {
    if (focused instanceof HTMLElement && focused.isConnected && document.activeElement === document.body) {
      focused.focus({ preventScroll: true });
    }
  });
}
