// The moduli of products by residues, and what is derived from them. Written by Scripts/gpu_kernels/moduli.py.
//
// They are pairwise coprime, and P, their product, is 2^140.45: a number within ±P/2 is known by its residues.
#define MODULI 18
// p
CONSTANT u32 MODULUS[MODULI] = {
    256u, 255u, 253u, 251u, 247u, 241u, 239u, 233u, 229u, 227u, 223u, 217u, 211u, 199u, 197u, 193u, 191u, 181u,
};
// floor(2^32 / p) + 1: MULHI32(u, RECIPROCAL) is floor(u / p) for u < 2^24, and one more at most for u < 2^32
CONSTANT u32 RECIPROCAL[MODULI] = {
    16777217u, 16843010u, 16976156u, 17111424u, 17388532u, 17821442u, 17970575u, 18433337u, 18755316u, 18920561u, 19259944u, 19792477u,
    20355296u, 21582751u, 21801865u, 22253717u, 22486740u, 23729102u,
};
// Byte j: 2^(8 j) mod p
CONSTANT u32 POWERS_LOW[MODULI] = {
    0x1u, 0x1010101u, 0x1b090301u, 0x7d190501u, 0xeb510901u, 0x1e10f01u, 0x85321101u, 0x333f1701u, 0xda2a1b01u, 0x64a01d01u, 0x22c52101u,
    0x4e022701u, 0xb87e2d01u, 0x7b413901u, 0x69843b01u, 0x706d3f01u, 0x9e174101u, 0x910e4b01u,
};
// Byte j: 2^(8 (j + 4)) mod p
CONSTANT u32 POWERS_HIGH[MODULI] = {
    0x0u, 0x1010101u, 0xa3dff351u, 0x403f717bu, 0x3d90108bu, 0xf01e10fu, 0x3303c56eu, 0xaf26b808u, 0x3d79e1a1u, 0x790c6eb0u, 0xf290807u,
    0x5f089c04u, 0x6460b933u, 0x5605232eu, 0xb2be4658u, 0x82c0316cu, 0x73860593u, 0x31d270fu,
};
// (-2^63) mod p, plus 128
CONSTANT u32 BIAS[MODULI] = {
    128u, 255u, 263u, 219u, 224u, 136u, 292u, 329u, 335u, 303u, 215u, 337u, 199u, 264u, 196u, 279u, 306u, 287u,
};
// The first multiple of p from 2^27 on
CONSTANT u32 OFFSET[MODULI] = {
    134217728u, 134217975u, 134217765u, 134217732u, 134217824u, 134217961u, 134217859u, 134217786u, 134217816u, 134217836u, 134217902u,
    134217755u, 134217733u, 134217739u, 134217873u, 134217797u, 134217801u, 134217835u,
};
// (P / p)^-1 mod p
CONSTANT u32 INVERSE[MODULI] = {
    3u, 19u, 40u, 155u, 232u, 96u, 123u, 83u, 168u, 134u, 80u, 151u, 15u, 162u, 147u, 37u, 157u, 164u,
};
// P / p modulo 2^64
CONSTANT u64 WEIGHT[MODULI] = {
    0x6027637ad39f56abul, 0x85ad108b5efe5500ul, 0x4e1198439e7ac700ul, 0xd65716ed76f21100ul, 0xb26d3a89aa9eed00ul, 0x799601c7f115b00ul,
    0x33943b6d11ce0500ul, 0x7c52d49422be7300ul, 0x7350ec6a01d04f00ul, 0xd0ced12cea259900ul, 0x6c1641fc5b67b500ul, 0x704157dd95612300ul,
    0x7aba1a0f8febc900ul, 0x96b5e3077edefd00ul, 0xd69dbe597090af00ul, 0x329bb507ba866b00ul, 0x3f3373e8fb791500ul, 0x222990f19c75df00ul,
};
// 2^27 / p, rounded
CONSTANT u32 FRACTION[MODULI] = {
    524288u, 526344u, 530505u, 534732u, 543392u, 556920u, 561580u, 576042u, 586104u, 591268u, 601873u, 618515u, 636103u, 674461u, 681308u,
    695429u, 702711u, 741534u,
};
#define FRACTION_BITS 27
#define WHOLE 0x27637ad39f56ab00ul  // P modulo 2^64
