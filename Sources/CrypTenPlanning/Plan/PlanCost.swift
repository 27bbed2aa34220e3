import CrypTenGates
import CrypTenRing

/// How openings and corrections become frames: what turns words into bytes on the wire.
package struct Framing: Sendable {
    /// Bytes of a frame besides its payload.
    package var headerBytes: Int
    /// A round's words for one peer, and a run's corrections, are cut into frames of this many bytes.
    package var chunkBytes: Int

    package init(headerBytes: Int, chunkBytes: Int) {
        self.headerBytes = headerBytes
        self.chunkBytes = chunkBytes
    }

    /// Bytes on the wire for a payload sent as one stream; nothing is sent for nothing.
    package func bytes(forWords words: Int) -> Int {
        let payload = words * 8
        return payload + (payload + chunkBytes - 1) / chunkBytes * headerBytes
    }
}

/// What a plan costs, part by part: derived from its gates' declarations alone.
package struct PlanCost: Hashable, Sendable {
    /// One layer's part. Parts of all layers add up to the whole.
    package struct Part: Hashable, Sendable {
        package var layer: String
        /// Openings that begin with this layer; one that several layers share counts for the first.
        package var rounds = 0
        /// Bytes that each party sends to the other parties, frame headers included.
        package var onlineBytes: [Int]
        /// Bytes of corrections, without frame headers.
        package var dealerBytes = 0
        /// Multiply-accumulates of the products in the clear.
        package var multiplyAccumulates = 0
        /// Real values of the layer are right below 2 to this power; nil where there are none, or nothing is known of them.
        package var magnitudeExponent: Int?
    }

    /// The layer of what was made outside of any.
    package static let unnamedLayer = "other"

    package var parts: [Part] = []
    package var rounds = 0
    package var onlineBytes: [Int]
    package var dealerBytes = 0
    package var multiplyAccumulates = 0

    /// With what the parties know besides: up to which magnitudes each layer is right.
    package init(of prepared: PreparedPlan, framing: Framing) {
        self.init(of: prepared.plan, schedule: prepared.schedule, framing: framing)
        let limits = prepared.magnitudeLimits
        for index in parts.indices { parts[index].magnitudeExponent = limits[parts[index].layer] }
    }

    package init(of plan: Plan, schedule: Schedule, framing: Framing) {
        let parties = plan.parties
        onlineBytes = Array(repeating: 0, count: parties)
        let costs = plan.steps.map { $0.gate.gate.cost(parties: parties, slabs: plan.slabs) }
        var places: [String: Int] = [:]
        var parts: [Part] = []
        func place(_ step: Int) -> Int {
            let layer = plan.steps[step].layer ?? PlanCost.unnamedLayer
            if let known = places[layer] { return known }
            parts.append(Part(layer: layer, onlineBytes: Array(repeating: 0, count: parties)))
            places[layer] = parts.count - 1
            return parts.count - 1
        }
        for (index, step) in plan.steps.enumerated() {
            let part = place(index)
            parts[part].multiplyAccumulates += step.gate.multiplyAccumulates
            parts[part].dealerBytes += costs[index].reduce(0) { $0 + $1.correctionWords } * 8
        }
        for round in schedule.rounds {
            // Words from each party to each other one, and who asked for them first.
            var words = [[Int]](repeating: [Int](repeating: 0, count: parties), count: parties)
            var owner: Int?
            for unit in round {
                for opening in costs[unit.step][unit.stage].openings where opening.words > 0 {
                    let part = place(unit.step)
                    if owner == nil { owner = part }
                    for sender in 0..<parties {
                        for receiver in 0..<parties {
                            let count = opening.words(from: sender, to: receiver)
                            words[sender][receiver] += count
                            parts[part].onlineBytes[sender] += count * 8
                        }
                    }
                }
            }
            guard let owner else { continue }
            parts[owner].rounds += 1
            for sender in 0..<parties {
                for receiver in 0..<parties where receiver != sender {
                    let count = words[sender][receiver]
                    parts[owner].onlineBytes[sender] += framing.bytes(forWords: count) - count * 8
                }
            }
        }
        self.parts = parts
        rounds = parts.reduce(0) { $0 + $1.rounds }
        for party in 0..<parties { onlineBytes[party] = parts.reduce(0) { $0 + $1.onlineBytes[party] } }
        dealerBytes = framing.bytes(forWords: parts.reduce(0) { $0 + $1.dealerBytes } / 8)
        multiplyAccumulates = parts.reduce(0) { $0 + $1.multiplyAccumulates }
    }
}

extension PlanGate {
    /// Multiply-accumulates that the same operation takes in the clear.
    var multiplyAccumulates: Int {
        switch self {
        case .bilinear(let gate): gate.product.operation.multiplyAccumulates(gate.product.left, gate.product.right)
        case .absorbed(let gate):
            gate.products.reduce(0) { $0 + $1.operation.multiplyAccumulates($1.left, $1.right) }
        case .plainProduct(let gate): gate.operation.multiplyAccumulates(gate.left, gate.right)
        case .truncatedProduct(let gate): gate.shape.count
        default: 0
        }
    }
}
