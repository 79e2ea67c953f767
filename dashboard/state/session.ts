const KEY = "weir-admin-token";

/** The token lasts as long as the browser's tab. Browsers that forbid storage keep it for the page. */
export const session = {
  token(): string | null {
    try {
      return sessionStorage.getItem(KEY);
    } catch {
      return null;
    }
  },
  keep(token: string): void {
    try {
      sessionStorage.setItem(KEY, token);
    } catch {}
  },
  forget(): void {
    try {
      sessionStorage.removeItem(KEY);
    } catch {}
  },
};
