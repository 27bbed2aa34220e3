// Asks a cell by the client in JavaScript: node ask.mjs cell.json tokens.json MODEL INPUT FILE SHAPE
//
// FILE has doubles, little-endian, and SHAPE is their shape in JSON. Prints the outputs as JSON, or the error's sentence.

import { readFile } from "node:fs/promises";

import { Cell, CrypTenError } from "../../clients/javascript/crypten.js";

const [cellFile, tokenFile, model, input, file, shape] = process.argv.slice(2);
const json = async (path) => JSON.parse(await readFile(path, "utf8"));
const tokens = await json(tokenFile);
const bytes = await readFile(file);
const data = Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));

try {
  const cell = new Cell(await json(cellFile), { token: ({ name }) => tokens[name], timeout: 20_000 });
  const outputs = await cell.infer(model, { [input]: { data, shape: JSON.parse(shape) } });
  console.log(JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, { data: Array.from(output.data), shape: output.shape }]))));
} catch (error) {
  if (!(error instanceof CrypTenError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
