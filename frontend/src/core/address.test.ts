import { expect, it } from "vitest";
import { readAddress, readMaxAttempts, withResume } from "./address.ts";

const page = (query: string) => `http://127.0.0.1:8080/${query}`;

it.each([
  ["", "ws://127.0.0.1:8080/ws"],
  ["?ws=", "ws://127.0.0.1:8080/ws"],
  ["?ws=ws://127.0.0.1:9000/ws", "ws://127.0.0.1:9000/ws"],
  ["?ws=%20wss://example.org/a?b=c%26d=e%23f", "wss://example.org/a?b=c&d=e"],
  ["?ws=ws://[::1]:9000/ws", "ws://[::1]:9000/ws"],
])("%s leads to %s", (query, url) => {
  expect(readAddress(page(query))).toEqual({ kind: "usable", url });
});

it("a secure page connects securely by default", () => {
  expect(readAddress("https://example.org/x?y")).toEqual({
    kind: "usable",
    url: "wss://example.org/ws",
  });
});

it.each([
  ["?ws=hello", "no address"],
  ["?ws=ws://", "no address"],
  ["?ws=ws://a:99999/", "no address"],
  ["?ws=http://127.0.0.1:9000/ws", "must begin with ws://"],
  ["?ws=javascript:alert(1)", "must begin with ws://"],
  ["?ws=127.0.0.1:9000/ws", "no address"],
  ["?ws=localhost:9000/ws", "must begin with ws://"],
])("%s is unusable, and why is said", (query, why) => {
  const address = readAddress(page(query));
  expect(address).toMatchObject({ kind: "unusable" });
  expect("why" in address && address.why).toContain(why);
});

it("a long mistake is quoted in part", () => {
  const address = readAddress(page(`?ws=${"x".repeat(10_000)}`));
  expect("given" in address && address.given.length).toBeLessThan(130);
});

it.each([
  ["", null],
  ["?max_attempts=3", 3],
  ["?max_attempts=0", null],
  ["?max_attempts=-1", null],
  ["?max_attempts=many", null],
])("%s gives up after %s", (query, attempts) => {
  expect(readMaxAttempts(page(query))).toBe(attempts);
});

it("resuming keeps the rest of the query and replaces an older wish", () => {
  const url = "ws://h/ws?client=a&last_seq=1";
  expect(withResume(url, { session: "s&x", lastSeq: 7 })).toBe(
    "ws://h/ws?client=a&last_seq=7&session=s%26x",
  );
  expect(withResume(url, null)).toBe(url);
});
