package import CrypTenGates
package import CrypTenRing

/// What a party has of masks that were made before a run: of values that it keeps.
extension PairRun {
    /// A wire whose mask the two share.
    ///
    /// - Parameters:
    ///   - part: This party's part of the mask.
    ///   - seeds: Its seed words of r, where the wire was read bit by bit before; nil: fresh ones when it is.
    package func wire(_ part: RingTensor, sharesHeld: Bool, seeds: RingTensor? = nil) -> WireMask<PairMask> {
        wire(part.shape, Later(part), sharesHeld: sharesHeld, seeds: seeds.map { Later($0.reshaped(to: [part.count])) })
    }

    /// The same of parts that may not be there yet.
    package func wire(
        _ shape: Shape,
        _ part: Later<RingTensor>,
        sharesHeld: Bool,
        seeds: Later<RingTensor>? = nil
    ) -> WireMask<PairMask> {
        let origin = PairOrigin(count: shape.count, .own(seeds), self)
        return WireMask(
            mask: PairMask(shape, PairWords(count: shape.count, part: part), origin),
            sharesHeld: sharesHeld
        )
    }

    /// A wire truncated in place, of whose r this party has these seed words.
    package func truncatedWire(_ shape: Shape, seeds: RingTensor, shift: Int) -> WireMask<PairMask> {
        let origin = PairOrigin(count: shape.count, .own(Later(seeds.reshaped(to: [shape.count]))), self)
        let truncated = PairOrigin(count: shape.count, .truncated(origin, 0..<shape.count, shift: shift), self)
        let mask = PairMask(shape, nil, truncated)
        return WireMask(mask: mask, sharesHeld: false, alternative: .init(mask: mask, shift: shift))
    }

    /// Masked bits, of whose masks this party has this part.
    package func bits(_ part: BitPlanes) -> PairPlanes {
        PairPlanes(PairBits(planes: part.planes, count: part.count, part: Later(part)))
    }
}

extension PairMask {
    /// This party's part, which may have to be written down first.
    package func part(_ kernels: any Kernels) -> Later<RingTensor> {
        let shape = shape
        return words(kernels).part.map { $0.reshaped(to: shape) }
    }
}
