package import CrypTenRing

/// Rows of what the parties keep, gathered by every member from what it has: nothing is sent, and no number is dealt.
extension PartyValue {
    /// The value's rows along its first axis, in the order of `rows`.
    ///
    /// - Parameter shape: The value's, which bits don't carry.
    package func rows(_ rows: [Int], of shape: Shape, _ kernels: any Kernels) -> PartyValue {
        func taken(_ words: RingTensor) -> RingTensor { kernels.take(words, axis: 0, indices: rows) }
        func taken(_ bits: BitPlanes) -> BitPlanes { kernels.rows(rows, of: bits, shape: shape) }
        switch self {
        case .share(let words):
            return .share(taken(words))
        case .wire(let wire):
            precondition(wire.truncation == nil, "a wire that is kept has one mask")
            return .wire(MaskedWire(hat: taken(wire.hat), maskShare: wire.maskShare.map(taken)))
        case .bits(let bits):
            return .bits(MaskedBits(hat: taken(bits.hat), maskShare: bits.maskShare.map(taken)))
        case .plain(let words):
            return .plain(taken(words))
        case .absent:
            return .absent
        }
    }
}

extension DealerValue {
    /// The masks of the value's rows along its first axis, in the order of `rows`.
    ///
    /// - Parameter shape: The value's, which bits don't carry.
    package func rows(_ rows: [Int], of shape: Shape, _ kernels: any Kernels) -> DealerValue {
        switch self {
        case .nothing:
            return .nothing
        case .wire(let wire):
            precondition(wire.alternative == nil, "a wire that is kept has one mask")
            let mask = kernels.take(wire.mask, axis: 0, indices: rows)
            return .wire(WireMask(mask: mask, sharesHeld: wire.sharesHeld))
        case .bits(let bits):
            return .bits(kernels.rows(rows, of: bits, shape: shape))
        }
    }
}

extension Kernels {
    /// Rows of bits, of which each element of the shape has one.
    fileprivate func rows(_ rows: [Int], of bits: BitPlanes, shape: Shape) -> BitPlanes {
        planes(of: take(words(of: bits, shape: shape), axis: 0, indices: rows), from: 0, count: 1)
    }
}
