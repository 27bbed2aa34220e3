package import CrypTenGates

/// Which r a wire is read bit by bit under: the rule of a run, a value so that tests can put a wrong one in its place and see that it is seen.
///
/// r is named by the run and the wire, and is fresh for each wire. d = λ − r is open: under one r for two wires their d's differ by what their
/// masks do, and under one r for x and 2x by the mask itself. Views, which only move elements, take the r of what they move: so
/// all that read a wire share its dither, and d shows nothing twice.
package struct MaskNaming: Sendable {
    /// What the result of a linear operation is read under.
    package enum Name: Sendable {
        /// An r of its own.
        case own
        /// That of the elements that it moves.
        case moved
        /// Insecure: the words of the first operand's, whatever the operation.
        case insecureOperand
    }

    let name: @Sendable (LinearOperation) -> Name
    /// The stream of seed words of the mask that is the n-th to be drawn.
    let stream: @Sendable (UInt64) -> UInt64

    /// The one that is secure.
    package static let byWire = MaskNaming(insecureNames: { $0.movesElements ? .moved : .own }, insecureStreams: { $0 })

    /// Any rule, for tests alone.
    package init(
        insecureNames name: @escaping @Sendable (LinearOperation) -> Name = { $0.movesElements ? .moved : .own },
        insecureStreams stream: @escaping @Sendable (UInt64) -> UInt64 = { $0 }
    ) {
        (self.name, self.stream) = (name, stream)
    }
}

extension PairOrigin {
    /// The origin of what a linear operation makes of masks.
    static func result(of operation: LinearOperation, _ masks: [PairMask], count: Int, _ run: PairRun) -> PairOrigin {
        let kind: Kind =
            switch run.naming.name(operation) {
            case .own: .own(nil)
            case .moved: .moved(operation, masks)
            case .insecureOperand: .own(masks[0].origin.seeds(masks[0].range))
            }
        return PairOrigin(count: count, kind, run)
    }
}
