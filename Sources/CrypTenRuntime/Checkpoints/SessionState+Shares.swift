import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// Shares of kept values, and kept values of shares.
extension SessionState {
    /// This party's shares of kept values: `[v] = v^ − [λ]` of a masked one, as ``UnmaskGate`` has it.
    func shares(of named: [(String, Node)]) throws -> [KeptShare] {
        try machine.check()
        let shares = try named.map { name, node in
            if let error = node.error { throw error }
            guard case .kept(let number) = node.operation, node.session === identity else {
                throw CrypTenError(
                    .invalidArgument,
                    "'\(name)' isn't kept by this session, so there are no shares of it: hold or evaluate it first"
                )
            }
            let (value, known, shape) = try keptValue(number)
            var share = KeptShare(
                name: name,
                kind: node.kind,
                scale: known.scale,
                range: known.range,
                words: RingTensor(zeros: [])
            )
            switch value {
            case .share(let words):
                share.words = words.reshaped(to: shape)
            case .wire(let wire):
                guard let mask = wire.maskShare, wire.truncation == nil else {
                    preconditionFailure("a wire that is kept has one mask, which is shared")
                }
                let words = party == 0 ? kernels.subtract(wire.hat, mask) : kernels.negate(mask)
                (share.words, share.isMasked) = (words.reshaped(to: shape), true)
            case .bits, .plain, .absent:
                throw CrypTenError(
                    .invalidArgument,
                    "'\(name)' is made of bits, of which there are no shares modulo 2^64: make integers of them"
                )
            }
            // Whoever reads it later doesn't wait for a device, which may fail.
            share.words.withWords { _ in }
            return share
        }
        try kernels.check()
        return shares
    }

    private var keepingPlans: KeepingPlans {
        KeepingPlans(parties: parties, fractionBits: configuration.fractionBits, slabBits: configuration.slabBits)
    }

    /// Keeps values of which each party has a share.
    ///
    /// A run keeps random words, of which nothing is sent or dealt, and makes their places known to all members; each party puts its share
    /// where its words stood.
    func restore(_ shares: [KeptShare]) throws -> [Node] {
        defer {
            kernels.wipeGivenBack()
            buffers.wipe()
        }
        let places = try keep(Planned(plan: keepingPlans.random(shares.map(\.value)), sources: GraphSources(kept: [])))
        for (place, share) in zip(places, shares) {
            let number = try number(of: place)
            let (_, known, shape) = try keptValue(number)
            forget(kept: number)
            kept[number] = (.share(share.words), known, shape)
            checker?.restore(number, party: party, share)
        }
        let masked = shares.enumerated().filter(\.element.isMasked).map { (index: $0.offset, value: $0.element.value) }
        return try mask(masked, of: places)
    }

    /// Masks what is kept as shares, so that no later run has to; the shares are given up.
    func mask(_ nodes: [Node]) throws -> [Node] {
        try machine.check()
        let open = try nodes.enumerated().compactMap { index, node -> (index: Int, value: KeepingPlans.Value)? in
            let (value, known, shape) = try keptValue(try number(of: node))
            guard case .share = value else { return nil }
            return (index, KeepingPlans.Value(name: node.layer ?? "data", shape: shape, kind: node.kind, as: known))
        }
        return try mask(open, of: nodes)
    }

    /// Some kept values, with those at some places masked, whose shares are given up.
    private func mask(_ open: [(index: Int, value: KeepingPlans.Value)], of nodes: [Node]) throws -> [Node] {
        if open.isEmpty { return nodes }
        let sources = GraphSources(kept: try open.map { KeptRead(try number(of: nodes[$0.index])) })
        let wires = try keep(Planned(plan: keepingPlans.masking(open.map(\.value)), sources: sources))
        try release(open.map { nodes[$0.index] })
        var masked = nodes
        for (place, wire) in zip(open, wires) { masked[place.index] = wire }
        return masked
    }

    /// Runs a plan all of whose outputs are kept.
    private func keep(_ planned: Planned) throws -> [Node] {
        try machine.check(SessionStateMachine.Reads(planned))
        return try guarded { try run(planned, isSetup: true) }.map { result in
            guard case .kept(let node) = result else { preconditionFailure("the plan keeps all its outputs") }
            return node
        }
    }

    func number(of node: Node) throws -> Int {
        guard case .kept(let number) = node.operation else { preconditionFailure("a run keeps kept values") }
        return number
    }
}

extension KeptShare {
    fileprivate var value: KeepingPlans.Value {
        KeepingPlans.Value(name: name, shape: shape, kind: kind, scale: scale, range: range)
    }
}
