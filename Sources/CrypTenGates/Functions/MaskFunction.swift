internal import CrypTenRing

// Dealt functions of a wire's mask: shares of φ(λ), where the parties may hold no shares of λ itself.
//
// A truncation read in place has two masks, one of which is in force by a public bit. They agree modulo 2^(64 − k), and
// so do equal polynomials in them: the difference φ(alternative) − φ(mask) is 2^(64 − k) times a number of k bits, which
// is dealt modulo 2^k beside φ(mask), and added where the bit says so.

extension WireForm {
    /// Words of one dealt function of `count` elements.
    package func functionWords(_ count: Int) -> Int {
        count + (shift > 0 ? Slabs.packedWords(bits: shift, count: count) : 0)
    }

    /// Words of the mask itself, which is dealt only where the parties don't hold it.
    package func maskWords(_ count: Int) -> Int {
        sharesHeld && shift == 0 ? 0 : functionWords(count)
    }
}

/// What is dealt of a function of a mask: a share for the one mask, and of a wire with two masks what is added where the other is in force.
struct DrawnFunction {
    var share: RingTensor
    let difference: RingTensor?
}

extension PartyStage {
    /// This party's share of a dealt function of the mask in force.
    func function(of wire: MaskedWire) throws -> RingTensor {
        function(try drawFunction(of: wire), of: wire)
    }

    func drawFunction(of wire: MaskedWire) throws -> DrawnFunction {
        let share = try correlation(wire.hat.shape)
        let difference = try wire.truncation.map { try packedCorrelation(wire.hat.shape, bits: $0.shift) }
        return DrawnFunction(share: share, difference: difference)
    }

    /// The share in force, in the memory of the drawn one.
    func function(_ drawn: consuming DrawnFunction, of wire: MaskedWire) -> RingTensor {
        if let truncation = wire.truncation, let difference = drawn.difference {
            kernels.accumulate(
                &drawn.share,
                addingUnpacked: difference,
                bits: truncation.shift,
                shiftedLeft: 64 - truncation.shift,
                where: truncation.selector
            )
        }
        return drawn.share
    }

    /// This party's share of the mask in force, held or dealt.
    func mask(of wire: MaskedWire) throws -> RingTensor {
        if wire.truncation == nil, let share = wire.maskShare { return share }
        return try function(of: wire)
    }

    /// `[v] = v^ − [λ]`
    func unmasked(_ wire: MaskedWire, mask: RingTensor) -> RingTensor {
        isFirst ? kernels.subtract(wire.hat, mask) : kernels.negate(mask)
    }
}
