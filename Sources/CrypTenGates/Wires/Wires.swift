package import CrypTenRing

/// A wire as a party sees it: `hat = v + mask` is public to the parties; the mask is shared among them, or held by none.
package struct MaskedWire: Sendable {
    /// The masked value, equal at every party.
    package var hat: RingTensor
    /// This party's additive share of the mask; nil where an absorbed product's mask is known to the dealer alone.
    package var maskShare: RingTensor?
    /// Set where this is a truncation read in place, which has one of two masks.
    package var truncation: Truncation?

    /// `mask` is in force where the selector bit is 0, the dealer's `alternative` where it is 1.
    package struct Truncation: Sendable {
        /// How many bits were cut off: the two masks agree modulo 2^(64 − shift).
        package var shift: Int
        /// One public bit an element.
        package var selector: BitPlanes

        package init(shift: Int, selector: BitPlanes) {
            self.shift = shift
            self.selector = selector
        }
    }

    package init(hat: RingTensor, maskShare: RingTensor?, truncation: Truncation? = nil) {
        self.hat = hat
        self.maskShare = maskShare
        self.truncation = truncation
    }
}

/// The same wire as whoever makes correlations sees it: its mask, or masks, and nothing else, in the form that a `DealStage` has them.
package struct WireMask<Words: Sendable>: Sendable {
    package var mask: Words
    /// Whether the parties hold shares of `mask`, so that gates need not deal them.
    package var sharesHeld: Bool
    /// For a truncation read in place: the second mask, and the number of bits cut off.
    package var alternative: Alternative?

    package struct Alternative: Sendable {
        package var mask: Words
        package var shift: Int

        package init(mask: Words, shift: Int) {
            self.mask = mask
            self.shift = shift
        }
    }

    package init(mask: Words, sharesHeld: Bool, alternative: Alternative? = nil) {
        self.mask = mask
        self.sharesHeld = sharesHeld
        self.alternative = alternative
    }

    /// Whether the parties hold shares of the mask in force: not where a public bit chooses it.
    package var isHeld: Bool {
        sharesHeld && alternative == nil
    }
}

/// What the plan knows of a wire besides its shape: enough to count what a gate must be dealt.
package struct WireForm: Hashable, Sendable, Codable {
    /// Whether the parties hold shares of the mask.
    package var sharesHeld: Bool
    /// The bits cut off, where this is a truncation read in place; else 0.
    package var shift: Int

    package init(sharesHeld: Bool = true, shift: Int = 0) {
        self.sharesHeld = sharesHeld
        self.shift = shift
    }

    /// What the fields must satisfy: nobody holds shares of a mask that a public bit chooses.
    func check() throws {
        try require((0...62).contains(shift) && !(sharesHeld && shift > 0), "a wire in the form \(self)")
    }
}

/// Bits as a party sees them: `hat = b XOR mask` is public to the parties, who hold XOR shares of the mask.
package struct MaskedBits: Sendable {
    package var hat: BitPlanes
    /// This party's XOR share of the mask; nil where the dealer alone knows it, as after a sign that only gates read
    /// which deal functions of the mask.
    package var maskShare: BitPlanes?

    package init(hat: BitPlanes, maskShare: BitPlanes?) {
        self.hat = hat
        self.maskShare = maskShare
    }
}

/// What a party has in a slot of the plan.
package enum PartyValue: Sendable {
    /// An additive share.
    case share(RingTensor)
    case wire(MaskedWire)
    /// One masked bit an element: one plane.
    case bits(MaskedBits)
    /// Numbers in the clear at this party: its own input, a public operand, or what was revealed to it.
    case plain(RingTensor)
    /// What another party has and this one doesn't.
    case absent
}

/// What whoever makes correlations has in the same slot.
package enum MaskValue<Words: Sendable, Bits: Sendable>: Sendable {
    /// Shares, plain and absent values: they have no mask.
    case nothing
    case wire(WireMask<Words>)
    /// The masks of bits: one plane.
    case bits(Bits)
}

/// The masks themselves: what the dealer has.
package typealias DealerValue = MaskValue<RingTensor, BitPlanes>
