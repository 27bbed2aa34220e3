internal import CrypTenRing

// Truncation by a gap of one bit: z / 2^k out of the masked z, unbiased, off by less than one unit, never by a wrap.
//
// Let |z| ≤ 2^62 and c = z^ + 2^62 = (z + 2^62) + λ. As 0 ≤ z + 2^62 ≤ 2^63, that sum wrapped exactly where λ has its top
// bit and c has not. Hence, with λ63 and c63 the top bits,
//
//     x = (c >> k) − 2^(62−k) − [(λ >> k) − (1 − c63) · 2^(64−k) · λ63]
//
// is a wire with one of two masks, chosen by the public bit 1 − c63. With δ = c mod 2^k, a public dither,
// x = ⌊z / 2^k⌋ + [δ < z mod 2^k]: all that read one wire share its rounding. The two masks are `DealStage.truncated(_:by:)`.

extension PartyStage {
    /// `wire` truncated by `shift`, read in place: nothing is sent.
    func truncated(_ wire: MaskedWire, by shift: Int) throws -> MaskedWire {
        precondition(
            (1...62).contains(shift) && wire.truncation == nil,
            "a truncation is by 1 to 62 bits, and not of one"
        )
        let (hat, selector) = kernels.truncate(try bitwise(wire.hat), by: shift)
        return MaskedWire(
            hat: hat,
            maskShare: nil,
            truncation: MaskedWire.Truncation(shift: shift, selector: selector)
        )
    }
}
