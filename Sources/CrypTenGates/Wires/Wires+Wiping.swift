import CrypTenRing

/// What is given up is overwritten: shares and masks don't stay behind in memory that is used again.
extension PartyValue {
    /// Overwrites the words that nobody else looks at with zeros.
    package mutating func wipe() {
        switch consume self {
        case .share(var words):
            words.wipe()
            self = .share(words)
        case .plain(var words):
            words.wipe()
            self = .plain(words)
        case .wire(var wire):
            wire.hat.wipe()
            wire.maskShare?.wipe()
            self = .wire(wire)
        case .bits(var bits):
            bits.hat.wipe()
            bits.maskShare?.wipe()
            self = .bits(bits)
        case .absent:
            self = .absent
        }
    }
}

extension DealerValue {
    /// Overwrites the words that nobody else looks at with zeros.
    package mutating func wipe() {
        switch consume self {
        case .nothing:
            self = .nothing
        case .wire(var wire):
            wire.mask.wipe()
            wire.alternative?.mask.wipe()
            self = .wire(wire)
        case .bits(var planes):
            planes.wipe()
            self = .bits(planes)
        }
    }
}
