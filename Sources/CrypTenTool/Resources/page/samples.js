/**
 * Ten images of the demonstration's test data, for whoever can't or doesn't want to draw.
 *
 * "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
 * https://doi.org/10.24432/C50P49, CC BY 4.0; see `digits/ORIGIN.md`. `index` counts in `digits/x_test.npy`; `pixels` are 8 × 8 numbers
 * from 0 to 16, a digit of base 17 each.
 *
 * @module
 */
export const SAMPLES = [
  { index: 295, label: 0, pixels: "005gf40003fddc0007e10g500c901ba00aa007d006f008c001e76fb0005fge30" },
  { index: 102, label: 1, pixels: "0002gg200004gg20014cgc0007gggc00003age000008gc000006gg200002cf40" },
  { index: 268, label: 2, pixels: "00bgc10003g9g5000061ga000005g6000009f000003f600000ag458100dgggg6" },
  { index: 87, label: 3, pixels: "01agg8000agdgc000133g900000de100002ggc300005bgb00027eg6000bgd500" },
  { index: 134, label: 4, pixels: "000a6000004g230000d87e0007f0de500efegg900dgfg6000019e000000ea000" },
  { index: 14, label: 5, pixels: "02gggg3001gd640009g3000009gd700003bdg90000007g1002b5ce0003ggg500" },
  { index: 128, label: 6, pixels: "000df200004gb10000df100000f9000004gef80001gf8d9000ba0bg0002eggd0" },
  { index: 347, label: 7, pixels: "005dgg6000c64d9000001f300002ad2002cggc500169b000000f1000006b0000" },
  { index: 21, label: 8, pixels: "004cg80005gbag4008d01d4003gdfd30009gg70000e75f6000ac7da0003dda10" },
  { index: 40, label: 9, pixels: "005eb80004f2gg0008c0cg0002fggf400004ag2000004g2003d8eg00007fc500" },
];

/**
 * A sample as numbers from 0 for paper to 1 for ink.
 *
 * @param {{pixels: string}} sample
 */
export function pixelsOf({ pixels }) {
  return Float32Array.from(pixels, (digit) => parseInt(digit, 17) / 16);
}
