// Where elements lie: copies with steps, slices that a list names, sums over axes, patches of images.
//
// | kernel        | what a work-item does                                                                        |
// | copy          | an element                                                                                   |
// | take          | a word of the result                                                                         |
// | sum           | a part of an element's terms, of which there are `width`                                     |
// | patches       | a word of the result                                                                         |
#define COPY_THREADS 256
#define TAKE_THREADS 256
#define SUM_THREADS 256
#define PATCHES_THREADS 256

/// The last digit of a number whose digits have extents; what is left are the digits before it. A division of 64 bits is long, and most digits
/// need none.
INLINE u64 last_digit(PRIVATE u64 *number, u64 extent) {
    if (extent == 1) return 0;
    const u64 whole = *number;
    u64 rest = 0;
    if (whole >= extent) rest = (whole | extent) >> 32 ? whole / extent : (u32)whole / (u32)extent;
    *number = rest;
    return whole - rest * extent;
}

/// Where step i of a walk over `extents`, row-major, has come to.
INLINE u64 walked(u64 i, PRIVATE const u64 *extents, PRIVATE const u64 *steps) {
    u64 position = 0;
    for (int axis = AXES - 1; axis >= 0 && i > 0; axis--) position += last_digit(&i, extents[axis]) * steps[axis];
    return position;
}

KERNEL(copy, copy_args, COPY_THREADS) {
    u64 i = ITEM(COPY_THREADS);
    if (i >= p.count) return;
    u64 to = p.to_offset, from = p.from_offset;
    for (int axis = AXES - 1; axis >= 0 && i > 0; axis--) {
        const u64 digit = last_digit(&i, p.extents[axis]);
        to += digit * p.to_steps[axis];
        from += digit * p.from_steps[axis];
    }
    const u64 word = POINTER(const u64, p.from)[from];
    GLOBAL u64 *place = POINTER(u64, p.to) + to;
    switch (p.combination) {
    case 0: *place = word; break;
    case 1: *place += word; break;
    default: *place -= word;
    }
}

KERNEL(take, take_args, TAKE_THREADS) {
    const u64 i = ITEM(TAKE_THREADS);
    if (i >= p.outer * p.count * p.inner) return;
    u64 block = i;
    const u64 element = last_digit(&block, p.inner), number = last_digit(&block, p.count);
    const u64 index = POINTER(const u64, p.indices)[number];
    POINTER(u64, p.to)[i] = POINTER(const u64, p.from)[(block * p.extent + index) * p.inner + element];
}

/// The `width` work-items of an element take its terms in turn; then half of them add the others' sums to theirs, half of those, and so on.
KERNEL(sum, sum_args, SUM_THREADS) {
    LOCAL_ARRAY(u64, parts, SUM_THREADS);
    const u64 item = ITEM(SUM_THREADS), i = item / p.width;
    const u32 member = (u32)(item % p.width);
    u64 part = 0;
    if (i < p.count) {
        GLOBAL const u64 *from = POINTER(const u64, p.from) + walked(i, p.kept_extents, p.kept_steps);
        for (u64 j = member; j < p.terms; j += p.width) part += from[walked(j, p.summed_extents, p.summed_steps)];
    }
    if (p.width > 1) {  // of all work-items alike
        parts[LOCAL_ID] = part;
        for (u32 others = p.width / 2; others > 0; others /= 2) {
            BARRIER();
            if (member < others) parts[LOCAL_ID] += parts[LOCAL_ID + others];
        }
        part = parts[LOCAL_ID];
    }
    if (member == 0 && i < p.count) POINTER(u64, p.to)[i] = part;
}

KERNEL(patches, patches_args, PATCHES_THREADS) {
    const u64 i = ITEM(PATCHES_THREADS);
    if (i >= p.count) return;
    u64 rest = i;
    const u32 kernel_x = (u32)last_digit(&rest, p.kernel_width), kernel_y = (u32)last_digit(&rest, p.kernel_height);
    const u64 channel = last_digit(&rest, p.channels);
    const u32 x = (u32)last_digit(&rest, p.out_width), y = (u32)rest;
    // Above or left of the image a position wraps around to a huge one, which is outside, too.
    const u32 row = y * p.stride_y + kernel_y * p.dilation_y - p.padding_y, column = x * p.stride_x + kernel_x * p.dilation_x - p.padding_x;
    u64 word = 0;
    if (row < p.height && column < p.width) word = POINTER(const u64, p.from)[channel * p.channel_step + row * p.row_step + column * p.column_step];
    POINTER(u64, p.to)[i] = word;
}
