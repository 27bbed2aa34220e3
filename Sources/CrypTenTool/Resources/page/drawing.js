/**
 * From strokes to what the network is given, and from words to what one can look at. Nothing here touches a page.
 *
 * @module
 */

/** The drawing's own coordinates go from 0 to this. */
export const GRID = 28;

/** How much of the test data's images is ink, whatever the digit: all were written with, or made to have, strokes of one width. */
const INK = 0.28;

/** Into how many parts each side of a picture element is cut to measure how much of it is ink. */
const PARTS = 4;

/**
 * The image that a network for digits expects of a drawing: the digit as high as the image, in the middle, with strokes as wide as those it
 * has learned from.
 *
 * @param {{x: number, y: number}[][]} strokes Lines, in coordinates of 0 to `GRID`.
 * @param {number} rows
 * @param {number} columns
 * @returns {Float32Array} Row-major, from 0 for paper to 1 for ink; all 0 where nothing was drawn.
 */
export function imageOf(strokes, rows, columns) {
  if (strokes.flat().length === 0) return new Float32Array(rows * columns);
  // Larger images have a border, as those of MNIST do: 4 of 28. The small ones come from NIST's forms, and were straightened.
  const large = Math.min(rows, columns) >= 20;
  const border = large ? 4 / 28 : 0;
  const lines = large ? strokes : straightened(strokes);
  const points = lines.flat();
  const [height, width] = [PARTS * rows * (1 - 2 * border), PARTS * columns * (1 - 2 * border)];
  const extent = (/** @type {"x" | "y"} */ axis) => {
    const values = points.map((point) => point[axis]);
    return { middle: (Math.min(...values) + Math.max(...values)) / 2, length: Math.max(...values) - Math.min(...values) };
  };
  const [x, y] = [extent("x"), extent("y")];
  const drawn = (/** @type {number} */ pen) => {
    // As high as it can be; but no dot becomes a line, and no wide digit is cut off.
    const scale = (height - pen) / Math.max(y.length, GRID / 4, x.length / 3);
    const across = Math.min(scale, (0.8 * width - pen) / Math.max(x.length, 1e-9));
    const placed = lines.map((stroke) =>
      stroke.map((point) => ({
        x: (PARTS * columns) / 2 + (point.x - x.middle) * across,
        y: (PARTS * rows) / 2 + (point.y - y.middle) * scale,
      })),
    );
    return covered(placed, pen / 2, PARTS * rows, PARTS * columns);
  };
  // The pen's width is found by halving: the more, the more ink.
  let [thin, thick] = [0.06 * height, 0.21 * height];
  const most = INK * height * width;
  for (let turn = 0; turn < 7; turn += 1) {
    const pen = (thin + thick) / 2;
    if (drawn(pen).reduce((sum, part) => sum + part, 0) > most) thick = pen;
    else thin = pen;
  }
  const parts = drawn((thin + thick) / 2);
  const image = new Float32Array(rows * columns);
  parts.forEach((part, i) => {
    const row = Math.floor(Math.floor(i / (PARTS * columns)) / PARTS);
    const column = Math.floor((i % (PARTS * columns)) / PARTS);
    image[row * columns + column] += part / PARTS ** 2;
  });
  return image;
}

/**
 * Strokes half as slanted: NIST's forms were straightened so that a digit's left end at the top comes to stand above that at the bottom, but
 * that much harms a nine whose stem ends below its right side.
 *
 * @param {{x: number, y: number}[][]} strokes
 */
function straightened(strokes) {
  // Lines have ends only where they were drawn with few points: those between are needed, too.
  const points = strokes.flatMap((stroke) =>
    stroke.flatMap((end, index) => {
      const start = stroke[Math.max(index - 1, 0)];
      return Array.from({ length: 32 }, (_, i) => {
        const along = (i + 1) / 32;
        return { x: start.x + along * (end.x - start.x), y: start.y + along * (end.y - start.y) };
      });
    }),
  );
  const heights = points.map(({ y }) => y);
  const [top, bottom] = [Math.min(...heights), Math.max(...heights)];
  const height = bottom - top;
  if (height < 1) return strokes;
  const left = (/** @type {(y: number) => boolean} */ chosen) => Math.min(...points.filter(({ y }) => chosen(y)).map(({ x }) => x));
  const slant = (left((y) => y > bottom - height / 10) - left((y) => y < top + height / 10)) / height;
  const half = Math.max(Math.min(slant / 2, 0.5), -0.5);
  return strokes.map((stroke) => stroke.map(({ x, y }) => ({ x: x - half * (y - top), y })));
}

/**
 * Which squares of a grid have their middle within `radius` of a line.
 *
 * @param {{x: number, y: number}[][]} strokes
 * @param {number} radius
 * @param {number} rows
 * @param {number} columns
 */
function covered(strokes, radius, rows, columns) {
  const grid = new Uint8Array(rows * columns);
  for (const stroke of strokes) {
    stroke.forEach((end, index) => {
      const start = stroke[Math.max(index - 1, 0)];
      const [dx, dy] = [end.x - start.x, end.y - start.y];
      const length = dx * dx + dy * dy;
      const from = (/** @type {number} */ a, /** @type {number} */ b) => Math.max(Math.floor(Math.min(a, b) - radius), 0);
      const to = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ limit) => Math.min(Math.ceil(Math.max(a, b) + radius), limit);
      for (let row = from(start.y, end.y); row < to(start.y, end.y, rows); row += 1) {
        for (let column = from(start.x, end.x); column < to(start.x, end.x, columns); column += 1) {
          const [px, py] = [column + 0.5 - start.x, row + 0.5 - start.y];
          const along = length === 0 ? 0 : Math.min(Math.max((px * dx + py * dy) / length, 0), 1);
          if ((px - along * dx) ** 2 + (py - along * dy) ** 2 <= radius * radius) grid[row * columns + column] = 1;
        }
      }
    });
  }
  return grid;
}

/**
 * The bits of words as a picture: each word is a square of 8 × 8, its bits row by row from the lowest.
 *
 * @param {BigUint64Array} words
 * @param {number} columns How many words stand beside each other.
 * @returns {{bits: Uint8Array, width: number, height: number}}
 */
export function bitsOf(words, columns) {
  const rows = Math.ceil(words.length / columns);
  const [width, height] = [8 * columns, 8 * rows];
  const bits = new Uint8Array(width * height);
  words.forEach((word, index) => {
    const [top, left] = [8 * Math.floor(index / columns), 8 * (index % columns)];
    for (let bit = 0; bit < 64; bit += 1) {
      bits[(top + (bit >> 3)) * width + left + (bit & 7)] = Number((word >> BigInt(bit)) & 1n);
    }
  });
  return { bits, width, height };
}

/**
 * What all shares are together, as real numbers.
 *
 * @param {BigUint64Array[]} shares
 * @param {number} fractionBits
 */
export function addedUp(shares, fractionBits) {
  return Float64Array.from(shares[0], (_, i) => {
    const sum = shares.reduce((total, words) => total + words[i], 0n);
    return Number(BigInt.asIntN(64, sum)) / 2 ** fractionBits;
  });
}

/**
 * Chances from a network's scores; what are chances already stay as they are.
 *
 * @param {ArrayLike<number>} scores
 */
export function chancesOf(scores) {
  const all = Array.from(scores);
  const total = all.reduce((sum, score) => sum + score, 0);
  if (all.every((score) => score >= 0 && score <= 1) && Math.abs(total - 1) < 0.01) return all;
  const largest = Math.max(...all);
  const powers = all.map((score) => Math.exp(score - largest));
  const whole = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / whole);
}
