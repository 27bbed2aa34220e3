package import CrypTenGates
package import CrypTenRing

/// One slot of a plan as all roles see it.
package struct SimulatedValue: Sendable {
    package var shape: Shape
    package var parties: [PartyValue]
    package var dealer: DealerValue

    package init(shape: Shape, parties: [PartyValue], dealer: DealerValue) {
        self.shape = shape
        self.parties = parties
        self.dealer = dealer
    }
}

/// What a simulation found wrong: a role, a stage and the two things that should have been equal.
package struct SimulationError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension SimulatedValue {
    /// The plain elements, for checks alone: nobody in the protocol can compute them.
    ///
    /// Holds what all roles see against each other: the public parts of all parties are equal, and the shares of a mask
    /// combine to the dealer's mask.
    package func plain() throws -> [UInt64] {
        switch dealer {
        case .nothing:
            return try plainOfShares()
        case .wire(let mask):
            return try plain(ofWire: mask)
        case .bits(let mask):
            return try plain(ofBits: mask)
        }
    }

    private func plainOfShares() throws -> [UInt64] {
        var sum = [UInt64](repeating: 0, count: shape.count)
        var plains: [[UInt64]] = []
        for value in parties {
            switch value {
            case .share(let share):
                guard share.shape == shape else {
                    throw SimulationError("a share of shape \(share.shape), not \(shape)")
                }
                sum = zip(sum, share.elements).map { $0 &+ $1 }
            case .plain(let plain):
                guard plain.shape == shape else {
                    throw SimulationError("a value of shape \(plain.shape), not \(shape)")
                }
                plains.append(plain.elements)
            case .absent: break
            default: throw SimulationError("the dealer has nothing where the parties have a mask")
            }
        }
        guard let first = plains.first else { return sum }
        guard plains.allSatisfy({ $0 == first }) else { throw SimulationError("parties learn different results") }
        return first
    }

    private func plain(ofWire mask: WireMask<RingTensor>) throws -> [UInt64] {
        let wires = try parties.map { value in
            guard case .wire(let wire) = value else {
                throw SimulationError("the dealer has a mask where a party has no wire")
            }
            return wire
        }
        guard mask.mask.shape == shape, wires.allSatisfy({ $0.hat.shape == shape }) else {
            throw SimulationError("a wire of another shape than \(shape)")
        }
        let hat = wires[0].hat.elements
        guard wires.allSatisfy({ $0.hat.elements == hat }) else {
            throw SimulationError("parties see different public parts")
        }
        guard wires.allSatisfy({ ($0.maskShare != nil) == mask.sharesHeld }) else {
            throw SimulationError("parties and dealer disagree on who holds shares")
        }
        if mask.sharesHeld {
            let sum = wires.reduce([UInt64](repeating: 0, count: shape.count)) {
                zip($0, $1.maskShare!.elements).map { $0 &+ $1 }
            }
            guard sum == mask.mask.elements else { throw SimulationError("the shares don't make the mask") }
        }
        guard let truncation = wires[0].truncation, let alternative = mask.alternative else {
            guard mask.alternative == nil, wires.allSatisfy({ $0.truncation == nil }) else {
                throw SimulationError("parties and dealer disagree on a truncation")
            }
            return zip(hat, mask.mask.elements).map { $0 &- $1 }
        }
        let second = truncation.selector.bits(ofPlane: 0)
        let masks = zip(mask.mask.elements, alternative.mask.elements)
        return zip(zip(hat, masks), second).map { $0.0 &- ($1 ? $0.1.1 : $0.1.0) }
    }

    private func plain(ofBits mask: BitPlanes) throws -> [UInt64] {
        let bits = try parties.map { value in
            guard case .bits(let bits) = value else {
                throw SimulationError("the dealer has bits where a party has none")
            }
            return bits
        }
        let hat = bits[0].hat.asWords.elements
        guard bits.allSatisfy({ $0.hat.asWords.elements == hat }) else {
            throw SimulationError("parties see different public bits")
        }
        guard
            ([mask] + bits.map(\.hat) + bits.compactMap(\.maskShare)).allSatisfy({
                $0.count == shape.count && $0.planes == 1
            })
        else {
            throw SimulationError("bits of another count than \(shape.count)")
        }
        let shares = bits.compactMap(\.maskShare)
        guard shares.isEmpty || shares.count == bits.count else { throw SimulationError("some parties hold no shares") }
        if !shares.isEmpty {
            let sum = shares.dropFirst().reduce(shares[0].asWords.elements) {
                zip($0, $1.asWords.elements).map { $0 ^ $1 }
            }
            guard sum == mask.asWords.elements else {
                throw SimulationError("the shares don't make the mask of the bits")
            }
        }
        return zip(bits[0].hat.bits(ofPlane: 0), mask.bits(ofPlane: 0)).map { $0 != $1 ? 1 : 0 }
    }
}
