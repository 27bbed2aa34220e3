// What of the demonstration's page works without a browser; `Scripts/page-test` tests the rest in one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { addedUp, bitsOf, chancesOf, imageOf } from "../../../Sources/CrypTenTool/Resources/page/drawing.js";
import { SAMPLES, pixelsOf } from "../../../Sources/CrypTenTool/Resources/page/samples.js";
import { scores, testImages } from "../fake-cell/digits.mjs";
import { HANDWRITING, varied } from "../fake-cell/handwriting.mjs";

const PAGE = new URL("../../../Sources/CrypTenTool/Resources/page/", import.meta.url);
const read = (name, folder = PAGE) => readFileSync(new URL(name, folder));
const winner = (list) => list.indexOf(Math.max(...list));

/** Numbers from 0 to 1, the same for the same seed: xorshift. */
function seeded(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

test("the page's crypten.js is this client, byte for byte", () => {
  assert.ok(read("crypten.js").equals(read("../crypten.js", import.meta.url)), "copy clients/javascript/crypten.js to the page's folder");
});

test("the page holds no inline script or style, and names no other host", () => {
  const html = read("index.html").toString();
  assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc="[a-z]+\.js")/i);
  for (const name of ["index.html", "page.css", "page.js", "drawing.js", "crypten.js"]) {
    const hosts = read(name).toString().match(/(https?:)?\/\/[a-z0-9-]+\.[a-z.]+/g) ?? [];
    assert.deepEqual(hosts.filter((host) => !/\.example(\.org)?$/.test(host)), [], name);
  }
});

test("every file that the page loads is among those whose SHA-256 it shows", () => {
  const shown = JSON.parse(/const FILES = (\[.*\]);/.exec(read("page.js").toString())[1]);
  const loaded = ["index.html", "page.js", "drawing.js", "samples.js", "crypten.js"].flatMap((name) =>
    Array.from(read(name).toString().matchAll(/(?:from "\.\/|src=")([a-z]+\.js)"/g), ([, file]) => file).concat(name),
  );
  for (const name of loaded) assert.ok(shown.includes(name), name);
});

test("samples are images of the test data, one of each digit, and the network recognises them", () => {
  const images = testImages();
  assert.deepEqual(SAMPLES.map(({ label }) => label), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const sample of SAMPLES) {
    assert.equal(images[sample.index].label, sample.label);
    assert.deepEqual(pixelsOf(sample), Float32Array.from(images[sample.index].image));
    assert.equal(winner(scores(pixelsOf(sample))), sample.label);
  }
});

test("digits as a hand draws them are recognised, 98 of 100", () => {
  const random = seeded(0x5eed);
  const wrong = [];
  let count = 0;
  HANDWRITING.forEach((ways, digit) => {
    for (const [way, strokes] of ways.entries()) {
      for (let turn = 0; turn < 50; turn += 1) {
        const found = winner(scores(imageOf(turn === 0 ? strokes : varied(strokes, random), 8, 8)));
        count += 1;
        if (found !== digit) wrong.push(`${digit} (way ${way}) as ${found}`);
      }
    }
  });
  assert.equal(count, 1000);
  assert.ok(wrong.length <= 20, `${wrong.length} of ${count}, seed 0x5EED: ${wrong.join(", ")}`);
});

test("where and how large a digit is drawn makes no difference", () => {
  const [seven] = HANDWRITING[7];
  const small = seven.map((stroke) => stroke.map(({ x, y }) => ({ x: x / 2 + 13, y: y / 2 + 1 })));
  const [image, other] = [imageOf(seven, 8, 8), imageOf(small, 8, 8)];
  assert.ok(image.every((value, i) => Math.abs(value - other[i]) < 0.13), "by two of sixteen parts at most");
});

test("images are numbers from 0 to 1, whatever is drawn", () => {
  const random = seeded(7);
  const drawings = [[], [[{ x: 3, y: 3 }]], [[{ x: 0, y: 0 }, { x: 28, y: 0 }]], [[{ x: 28, y: 28 }, { x: 28, y: 28 }]]];
  for (let turn = 0; turn < 50; turn += 1) {
    drawings.push(Array.from({ length: 3 }, () => Array.from({ length: 4 }, () => ({ x: 28 * random(), y: 28 * random() }))));
  }
  for (const strokes of drawings) {
    for (const side of [8, 28]) {
      const image = imageOf(strokes, side, side);
      assert.equal(image.length, side * side);
      assert.ok(image.every((value) => value >= 0 && value <= 1));
      assert.equal(image.some((value) => value > 0), strokes.length > 0, JSON.stringify(strokes));
    }
  }
});

test("an image of 28 × 28 has an empty border of four", () => {
  const image = imageOf([[{ x: 2, y: 1 }, { x: 25, y: 27 }]], 28, 28);
  for (let i = 0; i < 784; i += 1) {
    const [row, column] = [Math.floor(i / 28), i % 28];
    if (row < 4 || row >= 24 || column < 4 || column >= 24) assert.equal(image[i], 0, `row ${row}, column ${column}`);
  }
});

test("a word's bits are a square of 8 × 8, from the lowest", () => {
  const { bits, width, height } = bitsOf(BigUint64Array.of(1n, 1n << 63n, 0xff00n), 2);
  assert.deepEqual([width, height], [16, 16]);
  const set = Array.from(bits.keys()).filter((i) => bits[i]);
  const expected = [0, 7 * 16 + 15, ...Array.from({ length: 8 }, (_, i) => 9 * 16 + i)];
  assert.deepEqual(set, expected);
});

test("shares add up modulo 2^64, and read as signed", () => {
  const sums = addedUp([BigUint64Array.of(2n ** 64n - 1n, 5n), BigUint64Array.of(32769n, 2n ** 64n - 65541n)], 16);
  assert.deepEqual(Array.from(sums), [0.5, -1]);
});

test("chances add up to one, at any size of scores; what are chances stay", () => {
  for (const list of [[1, 2, 3], [1000, -1000, 999], [0, 0, 0]]) {
    const chances = chancesOf(list);
    assert.ok(Math.abs(chances.reduce((a, b) => a + b) - 1) < 1e-12);
    assert.equal(winner(chances), winner(list));
  }
  assert.ok(Math.abs(chancesOf([0, Math.log(3)])[1] - 0.75) < 1e-12);
  assert.deepEqual(chancesOf([0.25, 0.75]), [0.25, 0.75]);
});
