// A cell for tests: HTTP servers that follow the door's specification, and compute on what all shares together are.
//
// What it knows of ChaCha20 and HKDF comes from node:crypto, so that the module is held against another implementation. Parties of a real
// cell never put shares together; these share one `run` so that a test sees what a client has sent to all.

import { createCipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const MASK = (1n << 64n) - 1n;

/** Signed reading of a word. */
const signed = (word) => BigInt.asIntN(64, word);

/** The words that a seed stands for. */
export function wordsOfSeed(seed, id, model, input, party, count) {
  const u32 = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const lp = (bytes) => Buffer.concat([u32(bytes.length), bytes]);
  const info = Buffer.concat([
    Buffer.from("crypten share 1"), lp(Buffer.from(id, "hex")), lp(Buffer.from(model)), lp(Buffer.from(input)), u32(party),
  ]);
  const key = Buffer.from(hkdfSync("sha256", Buffer.from(seed, "hex"), Buffer.alloc(0), info, 32));
  return wordsOfBytes(createCipheriv("chacha20", key, Buffer.alloc(16)).update(Buffer.alloc(8 * count)));
}

const wordsOfBytes = (bytes) => Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigUInt64LE(8 * i));

const bytesOfWords = (words) => {
  const bytes = Buffer.alloc(8 * words.length);
  words.forEach((word, i) => bytes.writeBigUInt64LE(word, 8 * i));
  return bytes;
};

const product = (shape) => shape.reduce((total, extent) => total * extent, 1);

/** JSON with words in it: their digits, which `JSON.stringify` can't write. */
const jsonWithWords = (value) => JSON.stringify(value, (_, entry) => (typeof entry === "bigint" ? `@${entry}@` : entry)).replace(/"@(\d+)@"/g, "$1");

/** The other way: long numbers as text first. */
const parsedWithWords = (text) => JSON.parse(text.replace(/"data":\[([\d,]*)\]/g, (_, list) => `"data":[${list.split(",").filter(Boolean).map((word) => `"${word}"`)}]`));

/**
 * Starts n parties.
 *
 * `model`: {name, version, rows, inputs, outputs, compute}, where `compute` maps {name: {values, shape}} to the same for outputs; values are
 * numbers, bigints for INT64. `fault(request, party)` may return a name: "drop" (no reply at all), "tag", "status CODE STATUS", "truncated",
 * "html", "extra", "wrong", "redirect", "long". `tokens`: {party name: the only token it takes}. `origin`: what CORS allows, "*" if null.
 *
 * Returns {cell, parties, requests, close, newEpoch, epoch}: `requests` are all that came, in their order.
 */
export async function startCell({
  n = 2, names = ["clinic", "insurer", "registry"].slice(0, n), cell = "bank", model, tokens = null, fault = () => null, wait = 2_000,
  exposed = true, jsonOnly = false, retryAfter = null, metadata: change = (metadata) => metadata, delay = 0, host = "127.0.0.1",
}) {
  let epoch = randomBytes(16).toString("hex");
  const requests = [];
  const runs = new Map();
  const used = new Set();
  const open = new Set();

  const metadataOf = (party) =>
    change(
      {
        name: model.name, versions: [model.version], platform: "crypten",
        inputs: model.inputs.map(({ name, shape, type, fractionBits, range, shapes, pad = 0 }) => ({
          name, datatype: "UINT64", shape,
          parameters: {
            crypten_type: type, crypten_fraction_bits: fractionBits, crypten_range: range, crypten_shapes: shapes ?? [shape], crypten_pad: pad,
          },
        })),
        outputs: model.outputs.map(({ name, shape, type, fractionBits }) => ({
          name, datatype: "UINT64", shape, parameters: { crypten_type: type, crypten_fraction_bits: fractionBits },
        })),
        parameters: {
          crypten_sharing: 1, crypten_cell: cell, crypten_epoch: epoch, crypten_party: party, crypten_parties: n,
          crypten_party_name: names[party], crypten_rows: model.rows,
        },
      },
      party,
    );

  const refuse = (status, code, error) => Object.assign(new Error(error), { status, code });

  /** What one party reads of a request. */
  function parsed(party, bytes, jsonLength) {
    const length = jsonLength === undefined ? bytes.length : Number(jsonLength);
    const json = parsedWithWords(bytes.subarray(0, length).toString("utf8"));
    const { id, parameters, inputs } = json;
    if (!/^[0-9a-f]{32}$/.test(id)) throw refuse(400, "malformed", "the id isn't 32 hexadecimal digits");
    if (parameters?.crypten_sharing !== 1) throw refuse(400, "sharing_version", "another version of shares");
    let offset = length;
    const shares = inputs.map((input) => {
      const form = model.inputs.find(({ name }) => name === input.name);
      const count = product(input.shape);
      if (!form || input.datatype !== "UINT64") throw refuse(400, "malformed", "an input in a form that isn't known");
      if (input.shape[0] > model.rows) throw refuse(413, "too_large", "too many rows");
      const allowed = (form.shapes ?? [form.shape]).map((shape) => JSON.stringify(shape.slice(1)));
      if (!allowed.includes(JSON.stringify(input.shape.slice(1)))) throw refuse(400, "malformed", "a shape that isn't allowed");
      if (party < n - 1) {
        if (input.data || input.parameters || !/^[0-9a-f]{64}$/.test(parameters.crypten_seed)) throw refuse(400, "malformed", "no seed");
        return wordsOfSeed(parameters.crypten_seed, id, model.name, input.name, party, count);
      }
      if ("crypten_seed" in parameters) throw refuse(400, "malformed", "a seed at the last party");
      if (input.data) return input.data.map(BigInt);
      const size = input.parameters?.binary_data_size;
      if (size !== 8 * count) throw refuse(400, "malformed", "another number of words than the shape's");
      offset += size;
      return wordsOfBytes(bytes.subarray(offset - size, offset));
    });
    if (party === n - 1 && offset !== bytes.length) throw refuse(400, "malformed", "more bytes than the inputs'");
    const names = (json.outputs ?? model.outputs).map(({ name }) => name);
    return { id, party, epoch: parameters.crypten_epoch, binary: parameters.binary_data_output === true, inputs, shares, outputs: names, json, bytes };
  }

  /** What the parties compute, once all have a request. */
  function ran(parts) {
    const inputs = Object.fromEntries(
      parts[0].inputs.map(({ name, shape }, i) => {
        const form = model.inputs.find((input) => input.name === name);
        const sums = parts[0].shares[i].map((_, j) => signed(parts.reduce((sum, part) => (sum + part.shares[i][j]) & MASK, 0n)));
        const values = form.type === "INT64" ? sums : sums.map((sum) => Number(sum) / 2 ** form.fractionBits);
        return [name, { values, shape }];
      }),
    );
    const results = model.compute(inputs);
    const outputs = parts[0].outputs.map((name) => {
      const { type, fractionBits } = model.outputs.find((output) => output.name === name);
      const { values, shape } = results[name];
      const words = values.map((value) => BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(Math.round(Number(value) * 2 ** fractionBits))));
      const shares = parts.slice(1).map(() => wordsOfBytes(randomBytes(8 * words.length)));
      const last = words.map((word, j) => shares.reduce((rest, share) => (rest - share[j]) & MASK, word));
      return { name, shape, type, fractionBits, shares: [...shares, last] };
    });
    const tag = createHash("sha256")
      .update(Buffer.concat([Buffer.from("crypten reply 1"), Buffer.from(epoch, "hex"), Buffer.alloc(32, 7), Buffer.from(parts[0].id, "hex")]))
      .digest("hex");
    return { outputs, tag };
  }

  async function infer(party, bytes, headers) {
    const request = parsed(party, bytes, headers["inference-header-content-length"]);
    request.headers = headers;
    requests.push(request);
    const cause = fault(request, party);
    if (cause?.startsWith("status ")) {
      const [, code, status] = cause.split(" ");
      throw refuse(Number(status), code, "the test has this refused");
    }
    if (cause === "drop") return null;
    if (request.epoch !== epoch) throw refuse(409, "epoch", "that epoch is over");
    if (used.has(`${party} ${request.id}`)) throw refuse(409, "duplicate", "the id was used before");
    used.add(`${party} ${request.id}`);
    if (!runs.has(request.id)) {
      let resolve;
      const all = new Promise((done) => { resolve = done; });
      runs.set(request.id, { parts: [], all, resolve });
    }
    const run = runs.get(request.id);
    run.parts[party] = request;
    if (run.parts.filter(Boolean).length === n) run.resolve();
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(refuse(504, "incomplete", "another party didn't get its part in time")), wait); timer.unref(); });
    try {
      await Promise.race([run.all, late]);
    } finally {
      clearTimeout(timer);
    }
    const form = ({ inputs, outputs }) => JSON.stringify([inputs.map(({ name, shape }) => [name, shape]), outputs]);
    if (run.parts.some((part) => form(part) !== form(run.parts[0]))) throw refuse(409, "mismatch", "another party has it in another form");
    if (delay) await new Promise((done) => setTimeout(done, delay));
    run.result ??= ran(run.parts);
    const { outputs, tag } = run.result;
    const binary = request.binary && !jsonOnly;
    const own = outputs.map((output) => output.shares[party].map((word) => (cause === "wrong" ? (word + (1n << 20n)) & MASK : word)));
    const json = jsonWithWords({
      model_name: model.name, model_version: model.version, id: request.id,
      parameters: { crypten_tag: cause === "tag" ? "00".repeat(32) : tag },
      outputs: outputs.map(({ name, shape, type, fractionBits }, i) => ({
        name, shape, datatype: "UINT64",
        parameters: { crypten_type: type, crypten_fraction_bits: fractionBits, ...(binary && { binary_data_size: 8 * own[i].length }) },
        ...(!binary && { data: own[i] }),
      })),
    });
    let body = Buffer.concat([Buffer.from(json), ...(binary ? own.map(bytesOfWords) : [])]);
    if (cause === "truncated") body = body.subarray(0, body.length - 3);
    if (cause === "extra") body = Buffer.concat([body, Buffer.from("spare")]);
    if (cause === "html") body = Buffer.from("<html>hello</html>");
    return { body, jsonLength: binary ? Buffer.byteLength(json) : null };
  }

  const servers = await Promise.all(
    names.map(async (name, party) => {
      const server = createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        response.setHeader("Access-Control-Allow-Origin", request.headers.origin ?? "*");
        response.setHeader("Access-Control-Allow-Credentials", "true");
        if (exposed) response.setHeader("Access-Control-Expose-Headers", "Inference-Header-Content-Length");
        if (request.method === "OPTIONS") {
          response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, Inference-Header-Content-Length");
          response.setHeader("Access-Control-Allow-Methods", "GET, POST");
          return response.writeHead(204).end();
        }
        try {
          if (tokens && request.headers.authorization !== `Bearer ${tokens[name]}`) {
            throw refuse(401, "unauthorized", "no valid token for this party");
          }
          const path = decodeURIComponent(request.url);
          if (request.method === "GET" && [`/v2/models/${model.name}`, `/v2/models/${model.name}/versions/${model.version}`].includes(path)) {
            const cause = fault({ path }, party);
            if (cause === "redirect" && !path.includes("versions")) {
              return response.writeHead(302, { Location: `${request.url}/versions/${model.version}` }).end();
            }
            if (cause === "drop") return null;
            if (cause === "long") return response.end(Buffer.alloc(2 << 20, 0x20));
            if (cause === "html") return response.writeHead(502).end("<html>bad gateway</html>");
            return response.setHeader("Content-Type", "application/json").end(JSON.stringify(metadataOf(party)));
          }
          if (request.method === "POST" && path === `/v2/models/${model.name}/versions/${model.version}/infer`) {
            const reply = await infer(party, bytes, request.headers);
            if (!reply) return null;
            if (reply.jsonLength !== null && exposed) response.setHeader("Inference-Header-Content-Length", reply.jsonLength);
            return response.end(reply.body);
          }
          throw refuse(404, "not_found", "no such path");
        } catch (error) {
          if (!error.status) throw error;
          if (retryAfter !== null) response.setHeader("Retry-After", retryAfter);
          response.writeHead(error.status, { "Content-Type": "application/json" });
          return response.end(JSON.stringify({ error: error.message, crypten_code: error.code }));
        }
      });
      server.on("connection", (socket) => {
        open.add(socket);
        socket.on("close", () => open.delete(socket));
      });
      await new Promise((done) => server.listen(0, host, done));
      return server;
    }),
  );
  return {
    cell, requests,
    parties: servers.map((server, i) => ({ name: names[i], url: `http://${host}:${server.address().port}` })),
    get epoch() { return epoch; },
    newEpoch() { epoch = randomBytes(16).toString("hex"); },
    async close() {
      for (const socket of open) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}
