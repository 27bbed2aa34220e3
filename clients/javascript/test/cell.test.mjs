// Whole questions, against a cell of HTTP servers that puts the shares together.

import assert from "node:assert/strict";
import { generateKeyPairSync, verify, webcrypto } from "node:crypto";
import { after, test } from "node:test";

import { Cell, CrypTenError, buckets, jsonEnd, signToken } from "../crypten.js";
import { startCell } from "../fake-cell/cell.mjs";

/** A model with an input of each type: `scores` are each row's numbers times two, `total` is n + 1, `sure` is the negation. */
const model = {
  name: "räuber/1", version: "00ff00ff00ff00ff", rows: 4,
  inputs: [
    { name: "image", shape: [-1, 2, 2], type: "FP32", fractionBits: 16, range: [-4, 4] },
    { name: "n", shape: [-1], type: "INT64", fractionBits: 0, range: [-(2 ** 62), 2 ** 62] },
    { name: "flag", shape: [-1, 1], type: "BOOL", fractionBits: 0, range: [0, 1] },
  ],
  outputs: [
    { name: "scores", shape: [-1, 4], type: "FP32", fractionBits: 16 },
    { name: "total", shape: [-1], type: "INT64", fractionBits: 0 },
    { name: "sure", shape: [-1, 1], type: "BOOL", fractionBits: 0 },
  ],
  compute: ({ image, n, flag }) => ({
    scores: { values: image.values.map((value) => 2 * value), shape: [image.shape[0], 4] },
    total: { values: n.values.map((value) => value + 1n), shape: n.shape },
    sure: { values: flag.values.map((value) => 1 - value), shape: flag.shape },
  }),
};

/** A model whose input is filled up to one of two shapes; it sums a row, and says how long it was. */
const padded = {
  name: "text", version: "11", rows: 8,
  inputs: [{ name: "ids", shape: [-1, -1], type: "INT64", fractionBits: 0, range: [0, 100], shapes: [[-1, 4], [-1, 8]], pad: -1 }],
  outputs: [{ name: "sums", shape: [-1, 2], type: "INT64", fractionBits: 0 }],
  compute: ({ ids: { values, shape: [rows, length] } }) => ({
    sums: {
      values: Array.from({ length: rows }, (_, row) => [values.slice(row * length, (row + 1) * length).reduce((a, b) => a + b), BigInt(length)]).flat(),
      shape: [rows, 2],
    },
  }),
};

const inputsOf = (rows) => ({
  image: { data: Float64Array.from({ length: 4 * rows }, (_, i) => ((i * 37) % 129) / 32 - 2), shape: [rows, 2, 2] },
  n: { data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i) * 9007199254740993n - 5n), shape: [rows] },
  flag: { data: Array.from({ length: rows }, (_, i) => i % 3 === 0), shape: [rows, 1] },
});

function checkOutputs(outputs, { image, n, flag }, rows) {
  assert.deepEqual(outputs.scores.shape, [rows, 4]);
  assert.deepEqual(Array.from(outputs.scores.data), Array.from(image.data, (value) => 2 * value));
  assert.ok(outputs.scores.data instanceof Float64Array);
  assert.deepEqual(outputs.total, { data: n.data.map((value) => value + 1n), shape: [rows] });
  assert.deepEqual(outputs.sure, { data: Uint8Array.from(flag.data, (value) => 1 - value), shape: [rows, 1] });
}

const started = [];
after(() => Promise.all(started.map((cell) => cell.close())));
async function cellOf(options) {
  const cell = await startCell({ model, ...options });
  started.push(cell);
  return cell;
}
const clientOf = (cell, options) => new Cell({ cell: cell.cell, parties: cell.parties }, { retryDelay: 1, timeout: 4_000, ...options });

/** Whether `work` fails with a `CrypTenError` of that code; `more` are further properties of it. */
async function fails(work, code, more = {}) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof CrypTenError, String(error.stack));
    assert.equal(error.code, code, error.message);
    for (const [key, value] of Object.entries(more)) assert.equal(error[key], value, error.message);
    assert.match(error.message, /^[^\n]{20,600}$/);
    return true;
  });
}

for (const n of [2, 3]) {
  for (const [form, server, client] of [
    ["binary", {}, {}],
    ["binary, the header unreadable", { exposed: false }, {}],
    ["a reply in JSON though binary was asked for", { jsonOnly: true }, {}],
    ["JSON", {}, { binary: false }],
  ]) {
    test(`${n} parties, ${form}: all types come back exactly`, async () => {
      const cell = await cellOf({ n, ...server });
      const inputs = inputsOf(3);
      checkOutputs(await clientOf(cell, client).infer(model.name, inputs), inputs, 3);
      assert.equal(cell.requests.length, n);
      for (const { party, json, binary } of cell.requests) {
        assert.equal("crypten_seed" in json.parameters, party < n - 1);
        assert.equal(binary, client.binary ?? true);
      }
    });
  }
}

test("what has more rows than a request takes goes in several, each with an id and seeds of its own", async () => {
  const cell = await cellOf({});
  const inputs = inputsOf(10);
  checkOutputs(await clientOf(cell).infer(model.name, inputs), inputs, 10);
  const first = cell.requests.filter(({ party }) => party === 0);
  assert.deepEqual(first.map(({ json }) => json.inputs[0].shape[0]), [4, 4, 2]);
  assert.equal(new Set(first.map(({ id }) => id)).size, 3);
  assert.equal(new Set(first.map(({ json }) => json.parameters.crypten_seed)).size, 3);
});

test("only the outputs asked for are computed", async () => {
  const cell = await cellOf({ n: 3 });
  const outputs = await clientOf(cell).infer(model.name, inputsOf(1), { outputs: ["total"] });
  assert.deepEqual(outputs, { total: { data: BigInt64Array.of(-4n), shape: [1] } });
  assert.ok(cell.requests.every((request) => request.outputs.join() === "total"));
  await fails(clientOf(cell).infer(model.name, inputsOf(1), { outputs: ["logits"] }), "output");
  await fails(clientOf(cell).infer(model.name, inputsOf(1), { outputs: ["total", "total"] }), "output");
});

test("an input is filled up to the first shape that holds it", async () => {
  const cell = await cellOf({ model: padded });
  const client = clientOf(cell);
  const asked = async (shape, data) => Array.from((await client.infer("text", { ids: { shape, data } })).sums.data);
  assert.deepEqual(await asked([2, 3], [1, 2, 3, 4, 5, 6]), [5n, 4n, 14n, 4n]);
  assert.deepEqual(await asked([1, 4], [1, 2, 3, 4]), [10n, 4n]);
  assert.deepEqual(await asked([1, 5], [1, 2, 3, 4, 5]), [12n, 8n]);
  await fails(asked([1, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9]), "input");
});

test("an input that isn't right is refused before anything of it is sent", async () => {
  const cell = await cellOf({});
  const client = clientOf(cell);
  const wrong = (change) => client.infer(model.name, change(inputsOf(2)));
  const withImage = (image) => wrong((inputs) => ({ ...inputs, image: { ...inputs.image, ...image } }));
  const eight = (value) => Float64Array.from({ length: 8 }, (_, i) => (i === 5 ? value : 0));
  for (const value of [NaN, Infinity, -Infinity, 4.000001, -5]) await fails(withImage({ data: eight(value) }), "input");
  for (const shape of [[2, 4], [2, 2, 2, 1], [1, 2, 2], [2, 2, -2], [2.5, 2, 2], [0, 2, 2], "2,2,2", undefined]) await fails(withImage({ shape }), "input");
  await fails(withImage({ data: undefined }), "input");
  await fails(withImage({ data: ["0", 0, 0, 0, 0, 0, 0, 0] }), "input");
  await fails(wrong(({ image, n }) => ({ image, n })), "input");
  await fails(wrong((inputs) => ({ ...inputs, more: inputs.n })), "input");
  await fails(wrong((inputs) => ({ ...inputs, n: { data: [1n], shape: [1] } })), "input");
  await fails(wrong((inputs) => ({ ...inputs, n: { data: [1.5, 2], shape: [2] } })), "input");
  await fails(wrong((inputs) => ({ ...inputs, n: { data: [2 ** 60, 2], shape: [2] } })), "input");
  await fails(wrong((inputs) => ({ ...inputs, flag: { data: [0, 0.5], shape: [2, 1] } })), "input");
  await fails(client.infer(model.name, undefined), "input");
  assert.equal(cell.requests.length, 0);
});

test("where there is one shape, nothing is filled up", () => {
  const form = { name: "x", type: "FP32", fractionBits: 16, range: null, shapes: [[-1, 4]], pad: 0 };
  assert.deepEqual(buckets([form], [[{ data: [1, 2, 3, 4], shape: [1, 4] }]]), [[4]]);
  assert.throws(() => buckets([form], [[{ data: [1, 2, 3], shape: [1, 3] }]]), (error) => error.code === "input");
});

test("inputs are filled up together, to the first place that holds every one", async () => {
  const ids = padded.inputs[0];
  const cell = await cellOf({ model: { ...padded, inputs: [ids, { ...ids, name: "kept", pad: 0 }] } });
  const client = clientOf(cell);
  const row = (length) => ({ shape: [1, length], data: Array.from({ length }, () => 1) });
  const shapes = async (first, second) => {
    await client.infer("text", { ids: row(first), kept: row(second) });
    return cell.requests.at(-1).json.inputs.map(({ shape }) => shape[1]);
  };
  assert.deepEqual(await shapes(2, 3), [4, 4]);
  assert.deepEqual(await shapes(2, 7), [8, 8]);
  assert.deepEqual(await shapes(7, 2), [8, 8]);
});

test("a model that mixes its rows takes certain numbers of them, and is never asked in parts", async () => {
  const metadata = (body) => ({ ...body, parameters: { ...body.parameters, crypten_row_counts: [1, 4] } });
  const cell = await cellOf({ metadata });
  const client = clientOf(cell);
  for (const rows of [2, 3, 5, 8]) await fails(client.infer(model.name, inputsOf(rows)), "input");
  assert.equal(cell.requests.length, 0);
  for (const rows of [1, 4]) checkOutputs(await client.infer(model.name, inputsOf(rows)), inputsOf(rows), rows);
  assert.equal(cell.requests.length, 4);
  // Canaries are rows, too.
  const known = inputsOf(1);
  const canaries = { inputs: known, outputs: { total: { data: [-4n], shape: [1] } }, tolerance: 0 };
  checkOutputs(await client.infer(model.name, inputsOf(3), { canaries }), inputsOf(3), 3);
  await fails(client.infer(model.name, inputsOf(4), { canaries }), "input");
  for (const counts of [[], [0], [5], ["1"], 4, [1.5]]) {
    const odd = await cellOf({ metadata: (body) => ({ ...body, parameters: { ...body.parameters, crypten_row_counts: counts } }) });
    await fails(clientOf(odd).infer(model.name, inputsOf(1)), "metadata");
  }
});

test("the first version is the one that is described, and asked", async () => {
  const cell = await cellOf({ metadata: (body) => ({ ...body, versions: [...body.versions, "1122334455667788"] }) });
  assert.equal((await clientOf(cell).metadata(model.name)).version, model.version);
  const other = await cellOf({ metadata: (body) => ({ ...body, versions: ["1122334455667788", ...body.versions] }) });
  await fails(clientOf(other).infer(model.name, inputsOf(1), { version: model.version }), "metadata");
  assert.equal(other.requests.length, 0);
});

test("a pause that a party names comes before the next attempt", async () => {
  let refusals = 1;
  const cell = await cellOf({ retryAfter: 1, fault: ({ id }, party) => (id && party === 1 && refusals-- > 0 ? "status busy 503" : null) });
  const start = performance.now();
  checkOutputs(await clientOf(cell).infer(model.name, inputsOf(1)), inputsOf(1), 1);
  assert.ok(performance.now() - start >= 1000);
  const long = await cellOf({ retryAfter: 30, fault: ({ id }) => (id ? "status busy 503" : null) });
  const again = performance.now();
  await fails(clientOf(long).infer(model.name, inputsOf(1)), "busy", { retryAfter: 30 });
  assert.ok(performance.now() - again < 3000);
});

test("an error doesn't hold the number that it is about", async () => {
  const cell = await cellOf({});
  const inputs = inputsOf(1);
  inputs.image.data[2] = 271828.1828;
  await assert.rejects(clientOf(cell).infer(model.name, inputs), (error) => !/27182/.test(`${error.message} ${error.stack} ${error.cause}`));
});

for (const code of ["epoch", "restarting", "incomplete", "busy"]) {
  test(`after “${code}” the question is asked anew, with a new id and new seeds`, async () => {
    let refusals = 2;
    const cell = await cellOf({ fault: ({ id }, party) => (id && party === 1 && refusals-- > 0 ? `status ${code} 503` : null) });
    const inputs = inputsOf(2);
    checkOutputs(await clientOf(cell).infer(model.name, inputs), inputs, 2);
    const asked = cell.requests.filter(({ party }) => party === 0);
    assert.equal(new Set(asked.map(({ id }) => id)).size, 3);
    assert.equal(new Set(asked.map(({ json }) => json.parameters.crypten_seed)).size, 3);
    // The same words behind other seeds: the last party's differ too.
    const last = cell.requests.filter(({ party }) => party === 1);
    assert.equal(new Set(last.map(({ shares }) => String(shares[0][0]))).size, 3);
  });
}

test("asking anew has an end", async () => {
  const cell = await cellOf({ fault: ({ id }, party) => (id && party === 0 ? "status busy 503" : null) });
  await fails(clientOf(cell, { retries: 2 }).infer(model.name, inputsOf(1)), "busy", { party: "clinic", status: 503 });
  assert.equal(cell.requests.filter(({ party }) => party === 0).length, 3);
});

for (const [code, status] of [["forbidden", 403], ["budget", 429], ["mismatch", 409], ["duplicate", 409], ["too_large", 413], ["malformed", 400]]) {
  test(`after “${code}” it isn't`, async () => {
    const cell = await cellOf({ fault: ({ id }, party) => (id && party === 1 ? `status ${code} ${status}` : null) });
    await fails(clientOf(cell).infer(model.name, inputsOf(1)), code, { party: "insurer", status });
    assert.equal(cell.requests.filter(({ party }) => party === 1).length, 1);
  });
}

test("a new epoch of the cell is found, and its metadata read again", async () => {
  const cell = await cellOf({ n: 3 });
  const client = clientOf(cell);
  const inputs = inputsOf(1);
  checkOutputs(await client.infer(model.name, inputs), inputs, 1);
  const before = (await client.metadata(model.name)).epoch;
  cell.newEpoch();
  checkOutputs(await client.infer(model.name, inputs), inputs, 1);
  assert.notEqual((await client.metadata(model.name)).epoch, before);
});

test("parties that are in different epochs for a moment are asked again", async () => {
  let turns = 1;
  const metadata = (value, party) =>
    party === 1 && turns-- > 0 ? { ...value, parameters: { ...value.parameters, crypten_epoch: "0".repeat(32) } } : value;
  const cell = await cellOf({ metadata });
  const inputs = inputsOf(1);
  checkOutputs(await clientOf(cell).infer(model.name, inputs), inputs, 1);
});

test("different tags: no number", async () => {
  for (const n of [2, 3]) {
    const cell = await cellOf({ n, fault: (_, party) => (party === n - 1 ? "tag" : null) });
    await fails(clientOf(cell).infer(model.name, inputsOf(1)), "tag_mismatch");
  }
});

test("a party that hangs is named, in time, with the question and with the metadata", async () => {
  for (const part of ["id", "path"]) {
    const cell = await cellOf({ n: 3, fault: (request, party) => (request[part] && party === 1 ? "drop" : null), wait: 60_000 });
    const start = performance.now();
    await assert.rejects(clientOf(cell, { timeout: 300 }).infer(model.name, inputsOf(1)), (error) => error.code === "timeout" && error.party !== null);
    assert.ok(performance.now() - start < 2_000);
  }
});

test("a party that isn't there is named", async () => {
  const cell = await cellOf({});
  const parties = [cell.parties[0], { name: "insurer", url: "http://127.0.0.1:9" }];
  await fails(clientOf({ ...cell, cell: "bank", parties }).infer(model.name, inputsOf(1)), "unreachable", { party: "insurer" });
});

test("the caller can take a question back, before and while it is asked", async () => {
  const cell = await cellOf({ delay: 3_000 });
  const client = clientOf(cell);
  await client.metadata(model.name);
  await fails(client.infer(model.name, inputsOf(1), { signal: AbortSignal.abort() }), "aborted");
  assert.equal(cell.requests.length, 0);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  await fails(client.infer(model.name, inputsOf(1), { signal: abort.signal }), "aborted");
  const busy = await cellOf({ fault: ({ id }) => (id ? "status busy 503" : null) });
  const later = new AbortController();
  setTimeout(() => later.abort(), 100);
  await fails(clientOf(busy, { retryDelay: 60_000 }).infer(model.name, inputsOf(1), { signal: later.signal }), "aborted");
});

test("each party gets its own token and no other", async () => {
  const tokens = { clinic: "clinic.token.1", insurer: "insurer.token.1" };
  const cell = await cellOf({ tokens });
  const inputs = inputsOf(1);
  checkOutputs(await clientOf(cell, { token: async ({ name }) => tokens[name] }).infer(model.name, inputs), inputs, 1);
  for (const { party, headers } of cell.requests) assert.equal(headers.authorization, `Bearer ${tokens[cell.parties[party].name]}`);
  await fails(clientOf(cell, { token: ({ name }) => `${name}.token.2` }).infer(model.name, inputs), "unauthorized", { status: 401 });
  await fails(clientOf(cell).infer(model.name, inputs), "unauthorized", { status: 401 });
});

test("what is no token is refused without being shown, and so is one token for two parties", async () => {
  const cell = await cellOf({});
  for (const token of [() => "secret\r\nwords", () => "", () => 17, () => "secret.words", () => { throw new Error("no key"); }]) {
    const work = clientOf(cell, { token }).infer(model.name, inputsOf(1));
    await assert.rejects(work, (error) => error.code === "token" && !/secret|words/.test(error.message));
  }
  assert.equal(cell.requests.length, 0);
});

for (const fault of ["truncated", "extra", "html"]) {
  test(`a reply that is ${fault}: no number`, async () => {
    for (const exposed of [true, false]) {
      const cell = await cellOf({ exposed, fault: ({ id }, party) => (id && party === 0 ? fault : null) });
      await fails(clientOf(cell).infer(model.name, inputsOf(2)), "malformed_reply", { party: "clinic" });
    }
  });
}

test("replies that aren't what was asked for: no number", async () => {
  const cell = await cellOf({});
  const changes = {
    "nothing": () => {},
    "another id": (json) => { json.id = "0".repeat(32); },
    "another version": (json) => { json.model_version = "22"; },
    "no tag": (json) => { delete json.parameters.crypten_tag; },
    "an output twice": (json) => { json.outputs[1] = json.outputs[0]; },
    "one output less": (json) => { json.outputs.pop(); },
    "fewer rows": (json) => { json.outputs[1].shape = [1]; json.outputs[1].data.pop(); },
    "other columns": (json) => { json.outputs[0].shape = [2, 2, 2]; },
    "an extent that makes no sense": (json) => { json.outputs[1].shape = [1e300]; },
    "other fraction bits": (json) => { json.outputs[0].parameters.crypten_fraction_bits = 8; },
    "another type": (json) => { json.outputs[1].parameters.crypten_type = "FP32"; },
    "reals": (json) => { json.outputs[1].data[0] = 0.5; },
    "negative words": (json) => { json.outputs[1].data[0] = -1; },
    "words that are too large": (json) => { json.outputs[1].data[0] = "@18446744073709551616@"; },
    "words as text": (json) => { json.outputs[1].data[0] = "17"; },
    "too many words": (json) => { json.outputs[1].data.push(0); },
    "no words": (json) => { delete json.outputs[1].data; },
    "a size that doesn't fit": (json) => { json.outputs[1].parameters.binary_data_size = 16; },
    "no object": () => [],
  };
  for (const [name, change] of Object.entries(changes)) {
    const fetch = async (url, options) => {
      const response = await globalThis.fetch(url, options);
      if (options.method === "GET" || url.startsWith(cell.parties[0].url)) return response;
      // Words as text while it is changed, for JSON.parse would round them.
      const json = JSON.parse((await response.text()).replace(/"data":\[([\d,]+)\]/g, (_, list) => `"data":[${list.split(",").map((word) => `"@${word}@"`)}]`));
      const other = change(json);
      return new Response(JSON.stringify(other ?? json).replace(/"@(\d+)@"/g, "$1"));
    };
    if (name === "nothing") {
      checkOutputs(await clientOf(cell, { binary: false, fetch }).infer(model.name, inputsOf(2)), inputsOf(2), 2);
      continue;
    }
    await assert.rejects(clientOf(cell, { binary: false, fetch }).infer(model.name, inputsOf(2)), (error) => error.code === "malformed_reply", name);
  }
  const deep = async (url, options) => (options.method === "GET" ? globalThis.fetch(url, options) : new Response("[".repeat(100_000)));
  await fails(clientOf(cell, { fetch: deep }).infer(model.name, inputsOf(1)), "malformed_reply");
});

test("outputs with other rows than were asked about: no number, though all parties say the same", async () => {
  for (const rows of [1, 3]) {
    const other = { ...model, compute: () => ({ total: { values: Array.from({ length: rows }, () => 1n), shape: [rows] } }) };
    await fails(clientOf(await cellOf({ model: other })).infer(model.name, inputsOf(2), { outputs: ["total"] }), "malformed_reply");
  }
});

test("a boolean that is neither true nor false isn't one", async () => {
  const cell = await cellOf({ fault: ({ id }, party) => (id && party === 0 ? "wrong" : null) });
  await fails(clientOf(cell).infer(model.name, inputsOf(1), { outputs: ["sure"] }), "malformed_reply");
});

test("the JSON's end is found without the header", () => {
  const at = (text) => jsonEnd(new TextEncoder().encode(text));
  assert.equal(at('{"a":"}\\"{[","b":[{}]}{{{{'), 22);
  assert.equal(at('{"a":1} \n'), 9);
  assert.equal(at('{"a":"\\\\"}tail'), 10);
});

test("a cell that isn't the one of the list is asked nothing", async () => {
  const cases = {
    "another cell": [{ crypten_cell: "blank" }, { crypten_cell: "blank" }],
    "another party": [{}, { crypten_party_name: "registry" }],
    "another number": [{}, { crypten_party: 0 }],
    "more parties": [{ crypten_parties: 3 }, { crypten_parties: 3 }],
    "other rows": [{}, { crypten_rows: 5 }],
    "other epochs for good": [{}, { crypten_epoch: "0".repeat(32) }],
    "no epoch": [{ crypten_epoch: "x" }, { crypten_epoch: "x" }],
    "no rows": [{ crypten_rows: 0 }, { crypten_rows: 0 }],
  };
  for (const [name, changes] of Object.entries(cases)) {
    const cell = await cellOf({ metadata: (value, party) => ({ ...value, parameters: { ...value.parameters, ...changes[party] } }) });
    const code = name === "other epochs for good" ? "epoch" : "metadata";
    await assert.rejects(clientOf(cell).infer(model.name, inputsOf(1)), (error) => error.code === code, name);
    assert.equal(cell.requests.length, 0, name);
  }
  const other = await cellOf({ metadata: (value) => ({ ...value, parameters: { ...value.parameters, crypten_sharing: 2 } }) });
  await fails(clientOf(other).infer(model.name, inputsOf(1)), "sharing_version");
});

test("metadata that can't be right is refused", async () => {
  const changes = [
    (value) => { value.inputs[0].parameters.crypten_range = [1, 0]; },
    (value) => { value.inputs[0].parameters.crypten_fraction_bits = 63; },
    (value) => { value.inputs[1].parameters.crypten_fraction_bits = 1; },
    (value) => { value.inputs[0].parameters.crypten_shapes = []; },
    (value) => { value.inputs[0].parameters.crypten_shapes = [[1, 2, 2]]; },
    (value) => { value.inputs[0].parameters.crypten_type = "FP16"; },
    (value) => { value.inputs[0].datatype = "FP32"; },
    (value) => { value.inputs[1].name = "image"; },
    (value) => { value.versions = []; },
    (value) => { value.name = "digits"; },
    (value) => { value.outputs = []; },
  ];
  for (const [i, change] of changes.entries()) {
    const cell = await cellOf({ metadata: (value) => { change(value); return value; } });
    await assert.rejects(clientOf(cell).metadata(model.name), (error) => error.code === "metadata", `change ${i}`);
  }
});

test("shares go where they are meant to: no redirect is followed, and no endless reply read", async () => {
  const away = await cellOf({ fault: (_, party) => (party === 1 ? "redirect" : null) });
  await fails(clientOf(away).infer(model.name, inputsOf(1)), "unreachable", { party: "insurer" });
  const long = await cellOf({ fault: (_, party) => (party === 1 ? "long" : null) });
  await fails(clientOf(long).infer(model.name, inputsOf(1)), "malformed_reply", { party: "insurer" });
  const short = await cellOf({});
  await fails(clientOf(short, { maxReplyBytes: 100 }).infer(model.name, inputsOf(1)), "malformed_reply");
  const gateway = await cellOf({ fault: (_, party) => (party === 1 ? "html" : null) });
  await fails(clientOf(gateway).infer(model.name, inputsOf(1)), "http", { party: "insurer", status: 502 });
});

test("a list of parties that shows all shares to one address is refused", async () => {
  const two = (first, second) => () => new Cell({ cell: "bank", parties: [first, second] });
  const [a, b] = [{ name: "a", url: "https://a.example" }, { name: "b", url: "https://b.example" }];
  two(a, b)();
  const wrong = [
    two(a, { name: "b", url: "https://a.example/b" }), two(a, { ...b, name: "a" }), two(a, { name: "b", url: "http://b.example" }), two(a, { name: "b", url: "b" }),
    two(a, { name: "b", url: "https://user@b.example" }), two(a, { name: "b", url: "https://b.example?x" }), two(a, { url: b.url }), two(a),
    () => new Cell({ cell: "bank", parties: [a] }), () => new Cell({ parties: [a, b] }), () => new Cell(undefined),
    () => new Cell({ cell: "bank", parties: [a, b] }, { timeout: 0 }), () => new Cell({ cell: "bank", parties: [a, b] }, { retries: 0.5 }),
  ];
  for (const make of wrong) assert.throws(make, (error) => error instanceof CrypTenError && error.code === "configuration");
  new Cell({ cell: "bank", parties: [a, { name: "b", url: "http://b.example" }] }, { insecureHTTP: true });
});

test("onSent shows what goes to each party: bytes as they are on the wire, and words that add up to the input", async () => {
  const sent = [];
  const cell = await cellOf({ n: 3 });
  const inputs = inputsOf(1);
  await clientOf(cell, { onSent: (entry) => sent.push(entry) }).infer(model.name, inputs);
  assert.deepEqual(sent.map(({ party }) => party.name), ["clinic", "insurer", "registry"]);
  for (const { index, body, id } of sent) {
    const request = cell.requests.find(({ party }) => party === index);
    assert.equal(id, request.id);
    assert.deepEqual(Buffer.from(body), request.bytes);
  }
  const sum = sent.reduce((total, { shares }) => BigInt.asUintN(64, total + shares.image.words[3]), 0n);
  assert.equal(Number(BigInt.asIntN(64, sum)) / 2 ** 16, inputs.image.data[3]);
});

test("onReceived shows what came from each party: words that add up to the output", async () => {
  const received = [];
  const cell = await cellOf({ n: 3 });
  const inputs = inputsOf(2);
  await clientOf(cell, { onReceived: (entry) => received.push(entry) }).infer(model.name, inputs);
  assert.deepEqual(received.map(({ party, index }) => [party.name, index]).sort((a, b) => a[1] - b[1]), [["clinic", 0], ["insurer", 1], ["registry", 2]]);
  const sum = received.reduce((total, { shares }) => BigInt.asUintN(64, total + shares.scores.words[5]), 0n);
  assert.equal(Number(BigInt.asIntN(64, sum)) / 2 ** 16, 2 * inputs.image.data[5]);
  assert.deepEqual(received[0].shares.scores.shape, [2, 4]);
});

test("one party's words say nothing of the input: their bits are even, whatever it is", async () => {
  // 6 streams of 64,000 bits; were they even, a count would be 5 deviations off once in 1.7 million, and so this in 290,000 runs.
  const wide = { ...model, rows: 1, inputs: [{ name: "image", shape: [-1, 1000], type: "FP32", fractionBits: 16, range: null }], compute: () => ({ scores: { values: [0, 0, 0, 0], shape: [1, 4] } }), outputs: [model.outputs[0]] };
  for (const fill of [0, 1000]) {
    const cell = await cellOf({ n: 3, model: wide });
    await clientOf(cell).infer(model.name, { image: { data: new Float32Array(1000).fill(fill), shape: [1, 1000] } });
    for (const { shares, party } of cell.requests) {
      const ones = shares[0].reduce((sum, word) => sum + word.toString(2).replaceAll("0", "").length, 0);
      assert.ok(Math.abs(ones - 32_000) < 5 * Math.sqrt(16_000), `party ${party}, ${ones} ones for ${fill}`);
    }
  }
});

const canariesOf = (rows, change = (value) => value) => {
  const inputs = inputsOf(6);
  return {
    inputs,
    outputs: {
      scores: { data: Float64Array.from(inputs.image.data, (value, i) => change(2 * value, i)), shape: [6, 4] },
      total: { data: inputs.n.data.map((value) => value + 1n), shape: [6] },
    },
    tolerance: 1e-3,
    rows,
  };
};

test("rows with known answers are mixed in at places that are drawn, and taken out again", async () => {
  const cell = await cellOf({});
  const client = clientOf(cell);
  const inputs = inputsOf(5);
  inputs.image.data.fill(3.5);
  const places = new Set();
  for (let turn = 0; turn < 16; turn += 1) {
    cell.requests.length = 0;
    checkOutputs(await client.infer(model.name, inputs, { canaries: canariesOf(2) }), inputs, 5);
    const [first, last] = [0, 1].map((party) => cell.requests.filter((request) => request.party === party));
    assert.deepEqual(first.map(({ json }) => json.inputs[0].shape[0]), [4, 4, 3]);
    const words = first[0].shares[0].map((word, i) => BigInt.asUintN(64, word + last[0].shares[0][i]));
    places.add([0, 1, 2, 3].map((row) => (words[4 * row] === BigInt(3.5 * 65536) ? "q" : "c")).join(""));
  }
  // Of the six arrangements of two among four, sixteen draws show but two or one once in 3 million runs.
  assert.ok(places.size > 2, [...places].join());
  for (const place of places) assert.equal(place.replaceAll("q", ""), "cc");
});

test("a party that computes wrongly is seen by the canaries, and one that doesn't isn't", async () => {
  const lying = await cellOf({ n: 3, fault: ({ id }, party) => (id && party === 1 ? "wrong" : null) });
  await fails(clientOf(lying).infer(model.name, inputsOf(2), { outputs: ["scores", "total"], canaries: canariesOf(1) }), "canary");
  const cell = await cellOf({});
  await fails(clientOf(cell).infer(model.name, inputsOf(2), { canaries: canariesOf(6, (value) => value + 0.01) }), "canary");
  const near = { ...canariesOf(3, (value) => value + 0.0005) };
  checkOutputs(await clientOf(cell).infer(model.name, inputsOf(2), { canaries: near }), inputsOf(2), 2);
});

test("canaries that can't be used are refused before anything is sent", async () => {
  const cell = await cellOf({});
  const asked = (canaries, options) => clientOf(cell).infer(model.name, inputsOf(2), { canaries, ...options });
  await fails(asked({ ...canariesOf(1), tolerance: undefined }), "canary");
  await fails(asked(canariesOf(0)), "canary");
  await fails(asked(canariesOf(7)), "canary");
  await fails(asked(canariesOf(4)), "canary");
  await fails(asked({ ...canariesOf(1), outputs: {} }), "canary");
  await fails(asked(canariesOf(1), { outputs: ["total"] }), "canary");
  await fails(asked({ ...canariesOf(1), outputs: { total: { data: [1n], shape: [1] } } }), "canary");
  assert.equal(cell.requests.length, 0);
});

test("canaries and question are filled up to one shape", async () => {
  const cell = await cellOf({ model: padded });
  const canaries = {
    inputs: { ids: { data: [1, 2, 3, 4, 5], shape: [1, 5] } },
    outputs: { sums: { data: [12n, 8n], shape: [1, 2] } },
    tolerance: 0,
  };
  const { sums } = await clientOf(cell).infer("text", { ids: { data: [1, 2], shape: [1, 2] } }, { canaries });
  assert.deepEqual(sums, { data: BigInt64Array.of(3n - 6n, 8n), shape: [1, 2] });
});

test("a model that is replaced between two requests of one question gives no mixture", async () => {
  const replaced = { ...model };
  const cell = await cellOf({ model: replaced, fault: ({ id }, party) => {
    if (!id || party !== 0 || cell.requests.filter((request) => request.party === 0).length !== 2) return null;
    replaced.version = "22";
    cell.newEpoch();
    return null;
  } });
  await fails(clientOf(cell).infer(model.name, inputsOf(6)), "not_found");
});

test("tokens are signed as the parties read them", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = await webcrypto.subtle.importKey("pkcs8", privateKey.export({ format: "der", type: "pkcs8" }), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const token = await signToken(key, { client: "app", cell: "bank", party: "clinic", models: ["digits", "text"], seconds: 60 });
  const [header, claims, signature] = token.split(".");
  assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), { key: publicKey, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")));
  assert.equal(JSON.parse(Buffer.from(header, "base64url")).alg, "ES256");
  const { exp, ...rest } = JSON.parse(Buffer.from(claims, "base64url"));
  assert.deepEqual(rest, { sub: "app", aud: "bank/clinic", scope: "infer:digits infer:text" });
  assert.ok(Math.abs(exp - Date.now() / 1000 - 60) < 5);
  await fails(signToken(key, { client: "app", cell: "bank", party: "clinic", seconds: 601 }), "configuration");
});
