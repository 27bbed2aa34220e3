// Digits as a person's strokes, for tests of the demonstration's page: two ways to write each, in coordinates of 0 to 28.

/** Points of an arc of an ellipse, angles in degrees, 0 to the right, clockwise as y goes down. */
const arc = (x, y, rx, ry, from, to) =>
  Array.from({ length: 13 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 12) * Math.PI) / 180;
    return { x: x + rx * Math.cos(angle), y: y + ry * Math.sin(angle) };
  });

const line = (...points) => points.map(([x, y]) => ({ x, y }));

/** [digit][way] → strokes. */
export const HANDWRITING = [
  [[arc(14, 14, 6, 10, -90, 270)], [arc(14, 14, 5, 9, -60, 310)]],
  [[line([14, 4], [14, 24])], [line([10, 8], [14, 4], [14, 24])]],
  [[[...arc(14, 9, 5.5, 5, 180, 380), ...line([9, 24], [20, 24])]], [[...arc(14, 9, 5, 5, 200, 390), ...line([8, 23.5], [20, 23])]]],
  [[[...arc(13, 9, 5, 5, 200, 430), ...arc(13, 19, 5.5, 5, -80, 150)]], [[...line([9, 4], [18, 4], [13, 12]), ...arc(13, 18, 5, 6, -90, 140)]]],
  [[line([12, 4], [7, 15], [20, 15]), line([16, 10], [16, 24])], [line([10, 5], [7, 16], [21, 16]), line([17, 5], [16, 24])]],
  [[[...line([19, 4], [10, 4], [9, 12]), ...arc(13.5, 17.5, 5.5, 6, -130, 140)]], [line([9, 4], [9, 12], [14, 11], [18, 14], [18, 20], [14, 24], [9, 23]), line([9, 4], [18, 4])]],
  [[[...line([16, 4], [11, 10], [9, 17]), ...arc(14, 18.5, 5, 5.5, 180, 540)]], [[...arc(17, 14, 8, 10, -110, -180), ...arc(13.5, 18.5, 4.5, 5, 180, 520)]]],
  [[line([8, 5], [20, 5], [13, 24])], [line([8, 5], [20, 5], [13, 24]), line([11, 14], [19, 14])]],
  [[[...arc(14, 9, 4.5, 5, 90, 450), ...arc(14, 19, 5, 5, -90, 270)]], [line([18, 6], [13, 4], [10, 8], [14, 13], [18, 18], [14, 24], [10, 19], [14, 13], [18, 8], [18, 6])]],
  [[[...arc(13.5, 9.5, 5, 5.5, 0, -360), ...line([18.5, 9.5], [17, 24])]], [[...arc(13, 10, 5, 5.5, -20, -360), ...line([18.5, 6], [18.5, 18]), ...arc(14, 19, 4.5, 5, 0, 120)]]],
];

/** The same strokes as another hand's: turned, slanted, stretched and shaken by `random`, a function to numbers from 0 to 1. */
export function varied(strokes, random) {
  const within = (size) => (2 * random() - 1) * size;
  const [slant, turn, wide, high, size] = [within(0.15), within(0.1), 1 + within(0.2), 1 + within(0.1), 0.5 + random() / 2];
  return strokes.map((stroke) =>
    stroke.map(({ x, y }) => {
      const [dx, dy] = [(x - 14) * wide, (y - 14) * high];
      return {
        x: 14 + size * (dx - slant * dy + turn * dy + within(0.3)),
        y: 14 + size * (dy - turn * dx + within(0.3)),
      };
    }),
  );
}
