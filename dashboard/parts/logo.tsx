export const Logo = () => (
  <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" />
    <path d="M4 12h12c5 0 4 11 9 11h3" />
  </svg>
);
