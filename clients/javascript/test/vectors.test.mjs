// The module's steps against `clients/vectors`, which every client is tested with, and against node:crypto.

import assert from "node:assert/strict";
import { createCipheriv, hkdfSync, createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import * as crypten from "../crypten.js";

const FOLDER = process.env.CRYPTEN_VECTORS ? `file://${process.env.CRYPTEN_VECTORS}/` : new URL("../../vectors/", import.meta.url).href;
const skip = existsSync(new URL("shares.json", FOLDER)) ? false : "there is no clients/vectors here";
const text = (name) => readFileSync(new URL(name, FOLDER), "utf8");
const vectors = (name) => JSON.parse(text(name));

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
const real = (bits) => Buffer.from(bits, "hex").readDoubleBE();
const code = (name) => (error) => error instanceof crypten.CrypTenError && error.code === name;

test("ChaCha20 is that of OpenSSL, at lengths around a block and after the counter's first carry", () => {
  for (const length of [0, 1, 8, 63, 64, 65, 128, 1000, 70_000]) {
    const key = randomBytes(32);
    const nonce = randomBytes(12);
    for (const counter of [0, 1, 255, 0xfffe_0000]) {
      const iv = Buffer.concat([Buffer.alloc(4), nonce]);
      iv.writeUInt32LE(counter);
      const expected = createCipheriv("chacha20", key, iv).update(Buffer.alloc(length));
      assert.equal(hex(crypten.chacha20(key, nonce, counter, length)), expected.toString("hex"), `${length} bytes from block ${counter}`);
    }
  }
});

test("HKDF is that of OpenSSL", async () => {
  const [key, info] = [randomBytes(32), randomBytes(57)];
  const expected = Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), info, 32)).toString("hex");
  assert.equal(hex(await crypten.hkdf(key, new Uint8Array(0), info, 32)), expected);
});

test("rounding is that of whole numbers, on random doubles", () => {
  const view = new DataView(new ArrayBuffer(8));
  let fitting = 0;
  for (let turn = 0; turn < 20_000; turn += 1) {
    const draw = randomBytes(8);
    // Exponents from 2^-80 to 2^63, and every fourth number an exact half.
    const exponent = 1023 - 80 + (draw.readUInt16BE(0) % 144);
    view.setBigUint64(0, draw.readBigUInt64BE());
    view.setUint16(0, (view.getUint16(0) & 0x800f) | (exponent << 4));
    const value = turn % 4 === 0 ? draw.readInt32BE(4) + 0.5 : view.getFloat64(0);
    const fractionBits = turn % 25;
    // value = mantissa · 2^power exactly; so is the nearest whole number of value · 2^fractionBits.
    view.setFloat64(0, value);
    const stored = view.getBigUint64(0);
    const mantissa = (stored & ((1n << 52n) - 1n)) | (1n << 52n);
    const power = BigInt(Number((stored >> 52n) & 2047n) - 1075 + fractionBits);
    const magnitude = power >= 0n ? mantissa << power : (mantissa + (1n << (-power - 1n))) >> -power;
    const whole = value < 0 ? -magnitude : magnitude;
    const expected = BigInt.asIntN(64, whole) === whole ? BigInt.asUintN(64, whole) : null;
    assert.equal(crypten.wordOfReal(value, fractionBits), expected, `${value} · 2^${fractionBits}`);
    fitting += expected === null ? 0 : 1;
  }
  assert.ok(fitting > 15_000, `${fitting} of 20,000 fit`);
});

test("chacha20.json", { skip }, () => {
  for (const { key, nonce, counter, block } of vectors("chacha20.json").cases) {
    assert.equal(hex(crypten.chacha20(bytes(key), bytes(nonce), counter, 64)), block);
  }
});

test("hkdf.json", { skip }, async () => {
  for (const { input_key: key, salt, info, output } of vectors("hkdf.json").cases) {
    assert.equal(hex(await crypten.hkdf(bytes(key), bytes(salt), bytes(info), output.length / 2)), output);
  }
});

test("shares.json", { skip }, async () => {
  const { cases } = vectors("shares.json");
  assert.ok(cases.length > 5);
  for (const { seed, id, model, input, party, count, info, words, first, last, sha256 } of cases) {
    assert.equal(hex(crypten.shareInfo(id, model, input, party)), info);
    const share = await crypten.shareFromSeed(bytes(seed), id, model, input, party, count);
    assert.equal(share.length, count);
    const decimal = Array.from(share, String);
    if (words) assert.deepEqual(decimal, words);
    if (first) assert.deepEqual([decimal.slice(0, 2), decimal.slice(-2)], [first, last]);
    assert.equal(createHash("sha256").update(new Uint8Array(share.buffer, share.byteOffset, share.byteLength)).digest("hex"), sha256);
  }
});

test("numbers.json", { skip }, () => {
  const { reals, refused, whole, booleans, decoded } = vectors("numbers.json");
  for (const { bits, fraction_bits: f, word } of reals) assert.equal(String(crypten.wordOfReal(real(bits), f)), word, `${bits} · 2^${f}`);
  for (const { bits, fraction_bits: f } of refused) assert.equal(crypten.wordOfReal(real(bits), f), null, `${bits} · 2^${f}`);
  for (const { value, word } of whole) assert.equal(String(crypten.wordOfWhole(BigInt(value))), word);
  for (const { value, word } of booleans) assert.equal(String(crypten.wordOfWhole(Number(value))), word);
  for (const { word, fraction_bits: fractionBits, bits } of decoded) {
    const [value] = crypten.decoded({ name: "y", type: "FP64", fractionBits, shape: [-1] }, BigUint64Array.of(BigInt(word)));
    assert.ok(Object.is(value, real(bits)), `${word} / 2^${fractionBits}`);
  }
});

test("padding.json", { skip }, () => {
  const { cases, refused, together } = vectors("padding.json");
  const zeros = (shape) => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
  const form = ({ crypten_shapes: shapes, crypten_pad: pad = 0 }) => ({ name: "x", type: "FP64", fractionBits: 4, range: null, shapes, pad });
  for (const { shape, data, padded_shape: expectedShape, padded_data: expected, ...rest } of cases) {
    const input = { shape, data };
    const result = crypten.padded(form(rest), input, crypten.buckets([form(rest)], [[input]])[0]);
    assert.deepEqual(result.shape, expectedShape);
    assert.deepEqual(Array.from(result.words), expected.map((value) => crypten.wordOfReal(value, 4)));
  }
  for (const { shape, ...rest } of refused) {
    assert.throws(() => crypten.buckets([form(rest)], [[zeros(shape)]]), code("input"), `${shape}`);
  }
  for (const { shapes, crypten_shapes: lists, padded_shapes: expected } of together) {
    const forms = lists.map((crypten_shapes) => form({ crypten_shapes }));
    const chosen = () => crypten.buckets(forms, shapes.map((shape) => [zeros(shape)])).map((extents, i) => [shapes[i][0], ...extents]);
    if (expected) assert.deepEqual(chosen(), expected);
    else assert.throws(chosen, code("input"), `${shapes}`);
  }
});

/** JSON with the words of its lists as text, for JSON.parse would round them. */
const exactly = (json) =>
  JSON.parse(json.replace(/"data":\s*\[([\d,\s]*)\]/g, (_, list) => `"data":[${list.split(",").filter((word) => word.trim()).map((word) => `"${word.trim()}"`)}]`));

/** The other way: words as numbers again, as on the wire. */
const wire = (value) =>
  JSON.stringify(value, (key, entry) => (key === "data" ? entry.map((word) => `@${word}@`) : entry)).replace(/"@(\d+)@"/g, "$1");

for (const n of [2, 3]) {
  test(`exchange-${n}.json`, { skip }, async () => {
    const exchange = exactly(text(`exchange-${n}.json`));
    const parties = exchange.metadata.map(({ parameters }, i) => ({ name: parameters.crypten_party_name, url: `https://party-${i}.example` }));
    const cell = exchange.metadata[0].parameters.crypten_cell;
    const metadata = crypten.agreed(cell, parties, exchange.model, undefined, exchange.metadata);
    const inputs = metadata.inputs.map((form, i) => {
      const { name, shape, values, words } = exchange.inputs[i];
      assert.equal(form.name, name);
      const input = { shape, data: form.type === "INT64" ? values.map(BigInt) : values };
      const encoded = crypten.padded(form, input, crypten.buckets([form], [[input]])[0]);
      if (encoded.words.length === words.length) assert.deepEqual(Array.from(encoded.words, String), words);
      return { name, ...encoded };
    });
    const seeds = exchange.seeds.map(bytes);
    const asked = exchange.requests[0].json.outputs;
    const outputs = asked ? asked.map(({ name }) => metadata.outputs.find((form) => form.name === name)) : metadata.outputs;

    for (const binary of [false, true]) {
      const requests = await crypten.makeRequests(metadata, exchange.id, seeds, inputs, outputs, binary);
      requests.forEach(({ body, jsonLength, shares }, party) => {
        const expected = exchange.requests[party];
        assert.deepEqual(shares.map((share) => Array.from(share, String)), expected.shares);
        const sent = exactly(Buffer.from(body.subarray(0, jsonLength ?? body.length)).toString());
        if (binary) {
          assert.equal(sent.parameters.binary_data_output, true);
          delete sent.parameters.binary_data_output;
        }
        const { ...form } = jsonLength === null ? expected.json : expected.binary_json;
        assert.equal(jsonLength !== null, binary && party === n - 1);
        assert.deepEqual(sent, form);
        if (jsonLength !== null) assert.equal(Buffer.from(body.subarray(jsonLength)).toString("hex"), expected.binary_tail);
      });
    }

    for (const form of ["json", "binary", "binary without the header"]) {
      const replies = exchange.replies.map((reply, party) => {
        const json = wire(form === "json" ? reply.json : reply.binary_json);
        const body = new Uint8Array(Buffer.concat([Buffer.from(json), Buffer.from(form === "json" ? "" : reply.binary_tail, "hex")]));
        const headers = new Headers(form === "binary" ? { "Inference-Header-Content-Length": String(Buffer.byteLength(json)) } : {});
        return crypten.parsedReply({ headers, bytes: body }, parties[party].name, metadata, exchange.id, outputs, inputs[0].shape[0]);
      });
      assert.ok(replies.every(({ tag }) => tag === exchange.tag));
      const numbers = crypten.combine(metadata, replies);
      for (const { name, type, shape, values } of exchange.outputs) {
        assert.deepEqual(numbers[name].shape, shape);
        const found = Array.from(numbers[name].data);
        assert.deepEqual(type === "INT64" ? found.map(String) : type === "BOOL" ? found.map(Boolean) : found, values, `${name}, ${form}`);
      }
    }
  });
}
