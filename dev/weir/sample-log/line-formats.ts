import type { SampleRequest } from "./traffic.ts";

export const LINE_FORMATS = ["combined", "json", "logpush"] as const;
export type LineFormat = (typeof LINE_FORMATS)[number];

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HOST = "www.example.com";

/** A request as a log has it, without line end. */
export const lineOf: { readonly [F in LineFormat]: (request: SampleRequest) => string } = {
  combined: ({ timeMs, address, method, target, status, bytes, userAgent }) =>
    `${address} - - [${commonTime(timeMs)}] "${method} ${target} HTTP/1.1" ${status} ${bytes} "https://${HOST}/" "${userAgent}"`,

  json: ({ timeMs, address, method, target, status, bytes, userAgent }) =>
    JSON.stringify({
      time: new Date(timeMs).toISOString(),
      remote_addr: address,
      host: HOST,
      request_method: method,
      request_uri: target,
      status,
      body_bytes_sent: bytes,
      http_user_agent: userAgent,
    }),

  logpush: ({ timeMs, address, method, target, status, bytes, userAgent }) =>
    // The number is longer than JavaScript can write exactly.
    JSON.stringify({
      ClientIP: address,
      ClientRequestHost: HOST,
      ClientRequestMethod: method,
      ClientRequestURI: target,
      ClientRequestUserAgent: userAgent,
      EdgeResponseBytes: bytes,
      EdgeResponseStatus: status,
    }).replace(/\}$/, `,"EdgeStartTimestamp":${timeMs}000000}`),
};

function commonTime(timeMs: number): string {
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T(.{8})/.exec(new Date(timeMs).toISOString()) ?? [];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}
