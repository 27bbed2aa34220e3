internal import CrypTenBase

/// How much of the pads of some transfers is used: it goes forward alone, so that no bit of a pad is used twice.
///
/// Both sides ask the same in the same order, and so come to the same places.
struct PadPosition {
    private var next = 0

    /// The next bits of a pad, in one half of a block; numbers of more than 64 bits get a block of their own.
    mutating func take(_ width: Int, _ keys: PadKeys) -> PadPlace {
        precondition(width >= 1 && width <= 128, "\(width) bits of a pad at once")
        if width > 64 {
            next = (next + 127) / 128 * 128
        } else if next % 64 + width > 64 {
            next = (next + 63) / 64 * 64
        }
        defer { next += width > 64 ? 128 : width }
        return PadPlace(key: keys[next / 128], offset: next % 128)
    }
}
