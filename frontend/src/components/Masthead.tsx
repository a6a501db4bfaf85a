import { type Address, shorten } from "../core/address.ts";

/** What this is, and where it connects. */
export function Masthead({ address }: { readonly address: Address }) {
  const whole = address.kind === "usable" ? address.url : address.given;
  return (
    <header className="masthead">
      <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="9" />
        <path d="M4 19h6l3-9 5 14 3-8h7" />
      </svg>
      <h1>Ticker</h1>
      <p className="address">
        <span className="sr-only">Connects to </span>
        <code title={whole}>{shorten(whole)}</code>
      </p>
    </header>
  );
}
