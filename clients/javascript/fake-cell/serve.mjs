// Serves the demonstration's page with a fake cell:  node serve.mjs [PARTIES] [--token-url] [--delay MILLISECONDS]
//
// Prints the page's address, and runs until its standard input ends or it is stopped. What all parties together were asked stands at
// /asked, for tests: the numbers, which no real cell knows.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { startCell } from "./cell.mjs";
import { digits } from "./digits.mjs";

const PAGE = new URL("../../../Sources/CrypTenTool/Resources/page/", import.meta.url);
const TYPES = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8" };

const options = process.argv.slice(2);
const n = Number(options.find((option) => /^\d+$/.test(option)) ?? 2);
const after = (name) => (options.includes(name) ? Number(options[options.indexOf(name) + 1]) : 0);

const names = ["clinic", "insurer", "registry", "auditor"].slice(0, n);
const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString("base64url")]));
const asked = [];
const cell = await startCell({
  n, names, tokens, cell: "demo", delay: after("--delay"),
  model: { ...digits, compute: (inputs) => { asked.push(inputs.x.values); return digits.compute(inputs); } },
});

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://page");
  response.setHeader("Content-Security-Policy", [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src data:", `connect-src 'self' ${cell.parties.map(({ url }) => url).join(" ")}`,
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join("; "));
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Cache-Control", "no-cache");
  const json = (value) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
  if (pathname === "/cell.json") {
    return json({
      cell: "demo", model: "digits", parties: cell.parties, facts: { rounds: 12, online_bytes: 118_464 },
      ...(options.includes("--token-url") ? { token_url: "/token?party=NAME" } : { tokens }),
    });
  }
  if (pathname === "/token") return json({ token: tokens[searchParams.get("party")] });
  if (pathname === "/asked") return json(asked);
  const file = pathname === "/" ? "index.html" : pathname.slice(1);
  if (!/^[a-z]+\.(html|css|js)$/.test(file)) return response.writeHead(404).end();
  try {
    const body = await readFile(new URL(file, PAGE));
    return response.setHeader("Content-Type", TYPES[file.split(".")[1]]).end(body);
  } catch {
    return response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.stdin.on("end", () => process.exit(0)).resume();
