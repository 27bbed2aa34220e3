// The demonstration's network, in the clear: what the fake cell computes for the page's test.

import { readFileSync } from "node:fs";

const FOLDER = new URL("../../../Sources/CrypTenTool/Resources/digits/", import.meta.url);

/** The fields of a protocol buffers message: [number, value], where a value is a number or bytes. */
function fields(bytes) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) found.push([tag >>> 3, varint()]);
    else {
      const length = kind === 2 ? varint() : kind === 1 ? 8 : 4;
      found.push([tag >>> 3, bytes.subarray(at, (at += length))]);
    }
  }
  return found;
}

/** The network's initialisers by name. */
function weights() {
  const graph = fields(readFileSync(new URL("cnn.onnx", FOLDER))).find(([field]) => field === 7)[1];
  return Object.fromEntries(
    fields(graph).filter(([field]) => field === 5).map(([, tensor]) => {
      const parts = fields(tensor);
      const raw = parts.find(([field]) => field === 9)[1];
      const name = Buffer.from(parts.find(([field]) => field === 8)[1]).toString();
      return [name, new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength))];
    }),
  );
}

const W = weights();

/** 3 × 3 with a border of one, then ReLU; channels of `size` × `size`. */
function convolved(x, channels, size, weight, bias) {
  const out = new Float64Array(bias.length * size * size);
  for (let o = 0; o < bias.length; o += 1) {
    for (let r = 0; r < size; r += 1) {
      for (let c = 0; c < size; c += 1) {
        let sum = bias[o];
        for (let i = 0; i < channels; i += 1) {
          for (let dr = -1; dr <= 1; dr += 1) {
            for (let dc = -1; dc <= 1; dc += 1) {
              const [rr, cc] = [r + dr, c + dc];
              if (rr < 0 || cc < 0 || rr >= size || cc >= size) continue;
              sum += x[(i * size + rr) * size + cc] * weight[((o * channels + i) * 3 + dr + 1) * 3 + dc + 1];
            }
          }
        }
        out[(o * size + r) * size + c] = Math.max(sum, 0);
      }
    }
  }
  return out;
}

/** Windows of 2 × 2. */
function pooled(x, channels, size, pool) {
  const half = size / 2;
  return Float64Array.from({ length: channels * half * half }, (_, index) => {
    const c = index % half;
    const r = Math.floor(index / half) % half;
    const at = (Math.floor(index / half / half) * size + 2 * r) * size + 2 * c;
    return pool([x[at], x[at + 1], x[at + size], x[at + size + 1]]);
  });
}

function dense(x, weight, bias) {
  return Float64Array.from(bias, (start, o) => x.reduce((sum, value, i) => sum + value * weight[o * x.length + i], start));
}

/** The ten scores of an image of 8 × 8 numbers from 0 to 1. */
export function scores(image) {
  const first = pooled(convolved(image, 1, 8, W["0.weight"], W["0.bias"]), 16, 8, (window) => Math.max(...window));
  const second = pooled(convolved(first, 16, 4, W["3.weight"], W["3.bias"]), 32, 4, (window) => window.reduce((a, b) => a + b) / 4);
  return Array.from(dense(dense(second, W["7.weight"], W["7.bias"]).map((value) => Math.max(value, 0)), W["9.weight"], W["9.bias"]));
}

/** The test images and labels that lie beside the network. */
export function testImages() {
  const body = (name) => {
    const file = readFileSync(new URL(name, FOLDER));
    return file.buffer.slice(file.byteOffset + 10 + file.readUInt16LE(8), file.byteOffset + file.length);
  };
  const pixels = new Float32Array(body("x_test.npy"));
  return Array.from(new BigInt64Array(body("y_test.npy")), (label, i) => ({ label: Number(label), image: pixels.subarray(64 * i, 64 * i + 64) }));
}

/** The model as the demonstration's cell serves it. */
export const digits = {
  name: "digits", version: "d1617500d1617500", rows: 32,
  inputs: [{ name: "x", shape: [-1, 1, 8, 8], type: "FP32", fractionBits: 16, range: [0, 1] }],
  outputs: [{ name: "logits", shape: [-1, 10], type: "FP32", fractionBits: 16 }],
  compute: ({ x: { values, shape } }) => ({
    logits: {
      values: Array.from({ length: shape[0] }, (_, row) => scores(values.slice(64 * row, 64 * row + 64))).flat(),
      shape: [shape[0], 10],
    },
  }),
};
