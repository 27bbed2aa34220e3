// Cases for products by residues: each kernel by itself, then products of matrices and convolutions by all three. Included by host.c.

enum { MODULI = 18, EXACT_INNER = 8192 };
static const u32 MODULUS[MODULI] = {256, 255, 253, 251, 247, 241, 239, 233, 229, 227, 223, 217, 211, 199, 197, 193, 191, 181};

/// (P / p)^-1 modulo p, for modulus m, by trying all.
static u32 inverse_of_others(int m) {
    u32 others = 1, inverse = 1;
    for (int k = 0; k < MODULI; k++) if (k != m) others = others * (MODULUS[k] % MODULUS[m]) % MODULUS[m];
    while (others * inverse % MODULUS[m] != 1) inverse++;
    return inverse;
}
static u32 modulo(i64 x, u32 p) { return (u32)((x % p + p) % p); }
static void compare_bytes(const char *what, const void *got, const void *want, u64 count) { compare(what, got, want, UP(count, 8)); }
/// Room for bytes; what is beyond them in the last word is a guard, too.
static u8 *bytes(u64 count) { return (u8 *)filled(UP(count, 8), 5); }

// MARK: residues

static void launch_residues(const residues_args *p) {
    launch_("residues", UP(p->rows, 32), UP(p->padded, 32), 1, 256, p, sizeof *p);
}
static void one_residues(u32 rows, u32 split, u32 inner, u32 padded, int mode) {
    residues_args p = {0};
    p.rows = rows, p.split = split, p.inner = inner, p.padded = padded;
    // Three axes in some order, spread.
    const u64 extents[3] = {UP(rows, split), split, inner};
    u64 *steps[3] = {&p.outer_step, &p.row_step, &p.inner_step}, size = 1;
    const int turn = (int)below(3), back = (int)below(2);
    for (int k = 0; k < 3; k++) {
        const int axis = back ? (turn + 3 - k) % 3 : (turn + k) % 3;
        *steps[axis] = size * (1 + (below(4) == 0));
        size = *steps[axis] * (extents[axis] ? extents[axis] : 1);
    }
    u64 *from = filled(size, mode);
    const u64 plane = (u64)rows * padded;
    u8 *to = bytes(MODULI * plane), *want = (u8 *)copied((u64 *)to, UP(MODULI * plane, 8));
    for (int m = 0; m < MODULI; m++)
        for (u32 r = 0; r < rows; r++)
            for (u32 k = 0; k < padded; k++) {
                const i64 word = k < inner ? (i64)from[r / split * p.outer_step + r % split * p.row_step + k * p.inner_step] : 0;
                want[m * plane + r * padded + k] = (u8)((modulo(word, MODULUS[m]) + 128) % MODULUS[m] - 128);
            }
    p.from = (u64)from, p.to = (u64)to;
    launch_residues(&p);
    compare_bytes("residues", to, want, MODULI * plane);
    free(want), release();
}
static void test_residues(void) {
    static const u32 sizes[] = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130};
    for (int mode = 0; mode < MODES; mode++)
        for (int r = 0; r < 11; r++)
            for (int k = 0; k < 11; k++) {
                const u32 rows = sizes[r], inner = sizes[k], split = below(2) ? rows : 1 + (u32)below(rows);
                one_residues(rows, split, inner, UP(inner, 16) * 16 + 16 * (u32)below(2), mode);
            }
    for (int mode = 0; mode < MODES; mode++) one_residues(3, 3, 8192, 8192, mode), one_residues(300, 20, 5, 16, mode);
}

// MARK: residue_product

/// The largest and smallest bytes, or any.
static u8 some_byte(int mode) { return mode == 0 ? 0x80 : mode == 1 ? 0x7F : mode == 2 ? (below(2) ? 0x80 : 0x7F) : (u8)rnd(); }
/// Extents of a convolution of `images` images whose channels are `chunks` times 16, and where windows reach beyond the image.
static void window_extents(residue_product_args *p, u32 most) {
    do {
        p->height = 1 + (u32)below(most), p->width = 1 + (u32)below(most);
        p->kernel_height = 1 + (u32)below(4), p->kernel_width = 1 + (u32)below(4), p->stride_y = 1 + (u32)below(3), p->stride_x = 1 + (u32)below(3);
        p->padding_y = (u32)below(4), p->padding_x = (u32)below(4), p->dilation_y = 1 + (u32)below(3), p->dilation_x = 1 + (u32)below(3);
    } while ((p->kernel_height - 1) * p->dilation_y + 1 > p->height + 2 * p->padding_y || (p->kernel_width - 1) * p->dilation_x + 1 > p->width + 2 * p->padding_x);
    p->out_width = (p->width + 2 * p->padding_x - (p->kernel_width - 1) * p->dilation_x - 1) / p->stride_x + 1;
    p->out_plane = p->out_width * ((p->height + 2 * p->padding_y - (p->kernel_height - 1) * p->dilation_y - 1) / p->stride_y + 1);
}
static void matrix_extents(residue_product_args *p, u32 padded_inner) {
    p->tap_chunks = padded_inner / 16, p->image_chunks = 0, p->height = p->kernel_height = p->kernel_width = 1;
    p->stride_y = p->stride_x = p->dilation_y = p->dilation_x = 1, p->padding_y = p->padding_x = 0;
    p->width = p->out_width = p->out_plane = p->columns;
}
static void launch_product(const residue_product_args *p) {
    launch_("residue_product", UP(p->columns, 128), UP(p->rows, 128), MODULI * p->batches, 128, p, sizeof *p);
}
/// p: extents of windows; images, pixels and the rest are chosen here.
static void one_residue_product(residue_product_args p, u32 images, int mode) {
    const u32 taps = p.kernel_height * p.kernel_width, channels = p.tap_chunks * 16, row = taps * channels;
    const u64 a_size = (u64)p.rows * row, b_size = images * p.image_chunks * 16 + (p.image_chunks ? 0 : (u64)p.height * p.width * channels);
    const int shared_a = (int)below(2), shared_b = (int)below(2);
    p.padded = UP(p.columns, 16) * 16 + 16 * (u32)below(2);
    p.a_batch = shared_a ? 0 : a_size, p.a_plane = shared_a ? a_size : a_size * p.batches;
    p.b_batch = shared_b ? 0 : b_size, p.b_plane = shared_b ? b_size : b_size * p.batches;
    u8 *a = bytes(MODULI * p.a_plane), *b = bytes(MODULI * p.b_plane);
    for (u64 i = 0; i < MODULI * p.a_plane; i++) a[i] = some_byte(mode);
    for (u64 i = 0; i < MODULI * p.b_plane; i++) b[i] = some_byte(mode == 2 ? 0 : mode);
    const u64 block = (u64)p.rows * p.padded, size = MODULI * p.batches * block;
    u8 *to = bytes(size), *want = (u8 *)copied((u64 *)to, UP(size, 8));
    for (u64 m = 0; m < MODULI; m++) {
        const u32 inverse = inverse_of_others((int)m);
        for (u64 n = 0; n < p.batches; n++)
            for (u32 r = 0; r < p.rows; r++)
                for (u32 j = 0; j < p.columns; j++) {
                    const u32 pixel = p.first_pixel + j, image = pixel / p.out_plane, y = pixel % p.out_plane / p.out_width, x = pixel % p.out_plane % p.out_width;
                    const u8 *left = a + m * p.a_plane + n * p.a_batch + (u64)r * row, *right = b + m * p.b_plane + n * p.b_batch + (u64)image * p.image_chunks * 16;
                    i64 sum = 0;
                    for (u32 tap = 0; tap < taps; tap++) {
                        const i64 v = (i64)y * p.stride_y + tap / p.kernel_width * p.dilation_y - (i64)p.padding_y;
                        const i64 h = (i64)x * p.stride_x + tap % p.kernel_width * p.dilation_x - (i64)p.padding_x;
                        if (v < 0 || v >= p.height || h < 0 || h >= p.width) continue;
                        for (u32 c = 0; c < channels; c++)
                            sum += (i64)(signed char)left[tap * channels + c] * (signed char)right[(v * p.width + h) * channels + c];
                    }
                    want[(m * p.batches + n) * block + (u64)r * p.padded + j] = (u8)(modulo(sum, MODULUS[m]) * inverse % MODULUS[m]);
                }
    }
    p.a = (u64)a, p.b = (u64)b, p.to = (u64)to;
    launch_product(&p);
    // What is written beyond the columns, up to the padding, is anything.
    for (u64 i = 0; i < size; i++) if (i % p.padded >= p.columns) to[i] = want[i];
    compare_bytes("residue_product", to, want, size);
    free(want), release();
}
static void test_residue_product(void) {
    residue_product_args p = {0};
    static const u32 edges[] = {1, 7, 8, 9, 16, 17, 63, 65, 128, 129, 150};
    for (int k = 0; k < 11; k++)
        for (int turn = 0; turn < 2; turn++) {
            p.rows = turn ? edges[k] : 1 + (u32)below(40), p.columns = turn ? 1 + (u32)below(40) : edges[k], p.batches = 1 + (u32)below(2), p.first_pixel = 0;
            matrix_extents(&p, 16 * (1 + (u32)below(14)));
            one_residue_product(p, 1, k % 4);
        }
    for (int chunks = 1; chunks <= 13; chunks++) {
        p.rows = 10, p.columns = 10, p.batches = 1;
        matrix_extents(&p, 16 * (u32)chunks);
        one_residue_product(p, 1, chunks % 4);
    }
    for (int mode = 0; mode < 4; mode++) {
        p.rows = 5, p.columns = 6, p.batches = 1;
        matrix_extents(&p, EXACT_INNER);
        one_residue_product(p, 1, mode);
    }
    for (int round = 0; round < 40; round++) {
        const u32 images = 1 + (u32)below(3);
        window_extents(&p, 9);
        p.tap_chunks = 1 + (u32)below(6);
        p.image_chunks = p.height * p.width * p.tap_chunks + (u32)below(2) * 3;
        p.batches = 1 + (u32)below(2), p.rows = 1 + (u32)below(20);
        const u32 pixels = images * p.out_plane;
        p.first_pixel = (u32)below(2) * (u32)below(pixels), p.columns = 1 + (u32)below(pixels - p.first_pixel);
        one_residue_product(p, images, round % 4);
    }
}

/// A few of the same: what a pass over planted errors in the tiles takes.
static void test_tiles(void) {
    residue_product_args p = {0};
    for (int k = 0; k < 4; k++) {
        p.rows = 100 + (u32)k, p.columns = 120 - (u32)k, p.batches = 1, p.first_pixel = 0;
        matrix_extents(&p, 16 * (1 + 4 * (u32)k));
        one_residue_product(p, 1, 3 - k);
    }
    p.rows = 30, p.height = 9, p.width = 8, p.kernel_height = 2, p.kernel_width = 3, p.stride_y = 2, p.stride_x = p.dilation_y = 1, p.dilation_x = 2;
    p.padding_y = 1, p.padding_x = 2, p.out_width = 8, p.out_plane = 40, p.tap_chunks = 3, p.image_chunks = 216, p.first_pixel = 5, p.columns = 70;
    one_residue_product(p, 2, 3);
}

// MARK: reconstruct

/// A number of three words modulo a small one.
static u32 wide_modulo(const u64 *x, u32 p) {
    unsigned __int128 rest = 0;
    for (int k = 2; k >= 0; k--) rest = ((rest << 64) + x[k]) % p;
    return (u32)rest;
}
static void launch_reconstruct(const reconstruct_args *p) {
    const u64 count = (u64)p->batches * p->rows * p->padded;
    launch_("reconstruct", UP(count, 256), 1, 1, 256, p, sizeof *p);
}
static void one_reconstruct(u32 batches, u32 rows, u32 images, int mode) {
    reconstruct_args p = {0};
    p.batches = batches, p.rows = rows, p.out_plane = 1 + (u32)below(20), p.subtract = (u32)below(2);
    const u32 pixels = images * p.out_plane;
    p.first_pixel = (u32)below(pixels), p.columns = 1 + (u32)below(pixels - p.first_pixel), p.padded = UP(p.columns, 16) * 16;
    p.row_step = p.out_plane + below(3), p.batch_step = p.row_step * rows + below(3), p.image_step = p.batch_step * batches + below(3);
    const u64 count = (u64)batches * rows * p.padded;
    u8 *from = bytes(MODULI * count);
    u64 *to = filled(images * p.image_step, 5), *want = copied(to, images * p.image_step);
    u32 inverse[MODULI];
    for (int m = 0; m < MODULI; m++) inverse[m] = inverse_of_others(m);
    for (u64 i = 0; i < count; i++) {
        // A number from -2^139 to 2^139: the ends, what is next to them, small ones, or any.
        u64 x[3] = {rnd(), rnd(), below(1 << 11)};
        const int negative = (int)below(2), edge = mode ? (int)below(4) : 3;
        if (edge == 0) x[0] = x[1] = 0, x[2] = 1 << 11;
        if (edge == 1) x[0] = ~0ull - below(3), x[1] = ~0ull, x[2] = (1 << 11) - 1;
        if (edge == 2) x[0] = value(4, i), x[1] = x[2] = 0;
        for (int m = 0; m < MODULI; m++) {
            const u32 rest = wide_modulo(x, MODULUS[m]);
            from[m * count + i] = (u8)((negative ? MODULUS[m] - rest : rest) % MODULUS[m] * inverse[m] % MODULUS[m]);
        }
        const u32 column = (u32)(i % p.padded), pixel = p.first_pixel + column;
        if (column >= p.columns) continue;
        const u64 sum = negative ? 0 - x[0] : x[0];
        u64 *place = want + i / p.padded / rows * p.batch_step + i / p.padded % rows * p.row_step + pixel / p.out_plane * p.image_step + pixel % p.out_plane;
        *place += p.subtract ? 0 - sum : sum;
    }
    p.from = (u64)from, p.to = (u64)to;
    launch_reconstruct(&p);
    compare("reconstruct", to, want, images * p.image_step);
    free(want), release();
}
static void test_reconstruct(void) {
    for (int round = 0; round < 120; round++) one_reconstruct(1 + (u32)below(3), 1 + (u32)below(40), 1 + (u32)below(3), round % 2);
}

// MARK: All three

/// Words that are all one edge, or one factor of edges alone, or anything.
static u64 factor(int mode, int left, u64 i) {
    switch (mode) {
    case 0: return 1ull << 63;
    case 1: return ~0ull;
    case 2: return left ? (i % 2 ? 1ull << 63 : (1ull << 63) - 1) : 1ull << 63;
    case 3: return left ? (1ull << 63) - 1 : 1ull << 63;
    default: return value(mode, i);
    }
}
/// c += or -= a b by residues; the inner dimension in parts of 8192.
static void one_product_by_residues(u32 rows, u32 columns, u32 inner, u32 batches, int mode) {
    const int ta = (int)below(2), tb = (int)below(2), shared_a = batches > 1 && below(2), shared_b = batches > 1 && !shared_a && below(2);
    const u64 a_row = ta ? 1 : inner, a_inner = ta ? rows : 1, b_inner = tb ? 1 : columns, b_column = tb ? inner : 1;
    const u64 a_batch = (u64)rows * inner, b_batch = (u64)columns * inner;
    const u32 a_batches = shared_a ? 1 : batches, b_batches = shared_b ? 1 : batches, subtract = (u32)below(2);
    u64 *a = words(a_batches * a_batch), *b = words(b_batches * b_batch), *c = filled((u64)batches * rows * columns, 5);
    for (u64 i = 0; i < a_batches * a_batch; i++) a[i] = factor(mode, 1, i);
    for (u64 i = 0; i < b_batches * b_batch; i++) b[i] = factor(mode, 0, i);
    u64 *want = copied(c, (u64)batches * rows * columns);
    for (u64 n = 0; n < batches; n++)
        for (u64 r = 0; r < rows; r++)
            for (u64 j = 0; j < columns; j++) {
                u64 s = 0;
                for (u64 k = 0; k < inner; k++) s += a[(shared_a ? 0 : n * a_batch) + r * a_row + k * a_inner] * b[(shared_b ? 0 : n * b_batch) + k * b_inner + j * b_column];
                want[(n * rows + r) * columns + j] += subtract ? -s : s;
            }
    for (u32 first = 0; first < inner; first += EXACT_INNER) {
        const u32 part = inner - first < EXACT_INNER ? inner - first : EXACT_INNER, padded = UP(part, 16) * 16;
        residues_args ra = {0, (u64)(a + first * a_inner), a_batch, a_row, a_inner, a_batches * rows, rows, part, padded};
        residues_args rb = {0, (u64)(b + first * b_inner), b_batch, b_column, b_inner, b_batches * columns, columns, part, padded};
        residue_product_args p = {0};
        p.batches = batches, p.rows = rows, p.columns = columns, p.padded = UP(columns, 16) * 16;
        matrix_extents(&p, padded);
        p.a_plane = (u64)ra.rows * padded, p.b_plane = (u64)rb.rows * padded;
        p.a_batch = shared_a ? 0 : (u64)rows * padded, p.b_batch = shared_b ? 0 : (u64)columns * padded;
        p.a = ra.to = (u64)bytes(MODULI * p.a_plane), p.b = rb.to = (u64)bytes(MODULI * p.b_plane), p.to = (u64)bytes((u64)MODULI * batches * rows * p.padded);
        launch_residues(&ra), launch_residues(&rb), launch_product(&p);
        reconstruct_args q = {(u64)c, p.to, (u64)rows * columns, columns, 0, batches, rows, columns, p.padded, 0, columns, subtract, 0};
        launch_reconstruct(&q);
    }
    compare("product by residues", c, want, (u64)batches * rows * columns);
    free(want), release();
}
static void test_products_by_residues(void) {
    static const u32 inner[] = {1, 63, 64, 65, 8191, 8192, 8193, 16385};
    for (int mode = 0; mode < MODES; mode++)
        for (int k = 0; k < 8; k++) one_product_by_residues(1 + (u32)below(9), 1 + (u32)below(9), inner[k], 1, mode);
    static const u32 sizes[] = {1, 16, 17, 64, 127, 128, 129};
    for (int m = 0; m < 7; m++)
        for (int n = 0; n < 7; n++) one_product_by_residues(sizes[m], sizes[n], 1 + (u32)below(70), 1, (m + n) % MODES);
    for (int round = 0; round < 12; round++) one_product_by_residues(1 + (u32)below(20), 1 + (u32)below(20), 1 + (u32)below(200), 2 + (u32)below(3), 4 + round % 2);
    one_product_by_residues(160, 270, 130, 1, 5);
}

/// sum[n][g][o][pixel] += or -= kernel[g][o][c][tap] image[n][g][c][place], by taps, in blocks of columns.
static void one_convolution(u32 images, u32 groups, u32 channels, u32 outputs, u32 most, int mode) {
    residue_product_args p = {0};
    window_extents(&p, most);
    const u32 taps = p.kernel_height * p.kernel_width, plane = p.height * p.width, subtract = (u32)below(2);
    const u64 image_size = (u64)images * groups * channels * plane, kernel_size = (u64)groups * outputs * channels * taps;
    const u64 size = (u64)images * groups * outputs * p.out_plane;
    u64 *image = words(image_size), *kernel = words(kernel_size), *sum = filled(size, 5), *want = copied(sum, size);
    for (u64 i = 0; i < image_size; i++) image[i] = factor(mode, 1, i);
    for (u64 i = 0; i < kernel_size; i++) kernel[i] = factor(mode, 0, i);
    for (u64 i = 0; i < size; i++) {
        const u32 place = (u32)(i % p.out_plane), y = place / p.out_width, x = place % p.out_width;
        const u64 filter = i / p.out_plane % (groups * outputs), g = filter / outputs, n = i / p.out_plane / groups / outputs;
        u64 s = 0;
        for (u64 c = 0; c < channels; c++)
            for (u32 tap = 0; tap < taps; tap++) {
                const i64 v = (i64)y * p.stride_y + tap / p.kernel_width * p.dilation_y - (i64)p.padding_y;
                const i64 h = (i64)x * p.stride_x + tap % p.kernel_width * p.dilation_x - (i64)p.padding_x;
                if (v < 0 || v >= p.height || h < 0 || h >= p.width) continue;
                s += kernel[(filter * channels + c) * taps + tap] * image[((n * groups + g) * channels + c) * plane + v * p.width + h];
            }
        want[i] += subtract ? -s : s;
    }
    const u32 padded = UP(channels, 16) * 16, pixels = images * p.out_plane;
    residues_args rk = {0, (u64)kernel, (u64)channels * taps, 1, taps, groups * outputs * taps, taps, channels, padded};
    residues_args ri = {0, (u64)image, (u64)channels * plane, 1, plane, images * groups * plane, plane, channels, padded};
    p.batches = groups, p.rows = outputs, p.tap_chunks = padded / 16, p.image_chunks = groups * plane * p.tap_chunks;
    p.a_plane = (u64)rk.rows * padded, p.b_plane = (u64)ri.rows * padded, p.a_batch = (u64)outputs * taps * padded, p.b_batch = (u64)plane * padded;
    p.a = rk.to = (u64)bytes(MODULI * p.a_plane), p.b = ri.to = (u64)bytes(MODULI * p.b_plane);
    launch_residues(&rk), launch_residues(&ri);
    const u32 block = below(2) ? pixels : 1 + (u32)below(pixels);
    p.to = (u64)bytes((u64)MODULI * groups * outputs * UP(block, 16) * 16);
    for (u32 first = 0; first < pixels; first += block) {
        p.first_pixel = first, p.columns = pixels - first < block ? pixels - first : block, p.padded = UP(p.columns, 16) * 16;
        launch_product(&p);
        reconstruct_args q = {(u64)sum, p.to, (u64)outputs * p.out_plane, p.out_plane, (u64)groups * outputs * p.out_plane,
                              groups, outputs, p.columns, p.padded, first, p.out_plane, subtract, 0};
        launch_reconstruct(&q);
    }
    compare("convolution by taps", sum, want, size);
    free(want), release();
}
static void test_convolutions(void) {
    static const u32 channels[] = {1, 15, 16, 17, 33, 64, 80};
    for (int k = 0; k < 7; k++)
        for (int mode = 0; mode < MODES; mode++) one_convolution(1 + (u32)below(3), 1 + (u32)below(3), channels[k], 1 + (u32)below(9), 7, mode);
    for (int round = 0; round < 10; round++) one_convolution(1 + (u32)below(2), 1, 16 + (u32)below(30), 1 + (u32)below(20), 13, 4 + round % 2);
}

// MARK: plane_product

static void test_plane_product(void) {
    for (int round = 0; round < 300; round++) {
        residue_product_args w = {0};
        window_extents(&w, 12);
        const u32 images = 1 + (u32)below(3), groups = 1 + (u32)below(4), each = 1 + (u32)below(3), taps = w.kernel_height * w.kernel_width, plane = w.height * w.width;
        const u64 count = (u64)images * groups * each * w.out_plane;
        u64 *to = filled(count, 5), *image = filled((u64)images * groups * plane, round % MODES), *weights = filled((u64)groups * each * taps, 5), *want = copied(to, count);
        plane_product_args p = {(u64)to, (u64)image, (u64)weights, count, groups * each, each, w.height, w.width, w.kernel_height, w.kernel_width, w.out_plane / w.out_width,
                                w.out_width, w.stride_y, w.stride_x, w.padding_y, w.padding_x, w.dilation_y, w.dilation_x, (u32)below(2), 0};
        for (u64 i = 0; i < count; i++) {
            const u64 filter = i / w.out_plane % (groups * each), n = i / w.out_plane / groups / each;
            u64 s = 0;
            for (u32 tap = 0; tap < taps; tap++) {
                const i64 v = (i64)(i % w.out_plane / w.out_width) * w.stride_y + tap / w.kernel_width * w.dilation_y - (i64)w.padding_y;
                const i64 h = (i64)(i % w.out_plane % w.out_width) * w.stride_x + tap % w.kernel_width * w.dilation_x - (i64)w.padding_x;
                if (v >= 0 && v < w.height && h >= 0 && h < w.width) s += weights[filter * taps + tap] * image[(n * groups + filter / each) * plane + v * w.width + h];
            }
            want[i] += p.subtract ? -s : s;
        }
        LAUNCH("plane_product", count, 256, p);
        compare("plane_product", to, want, count);
        free(want), release();
    }
}
