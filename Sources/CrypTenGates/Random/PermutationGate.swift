package import CrypTenRing

/// Rows in an order that one party draws: several tensors of as many rows, all in the same one.
///
/// The others send party p what they hold under fresh masks; with its own, masked likewise, p has `x + λ`, whose rows it puts into its
/// order π. The dealer, which knows π and λ, deals shares of `π(λ)`, and
///
///     [π(x)] = π(x + λ) − [π(λ)]
///
/// with the first term at p. After a turn of each party no party knows the order: it is theirs one after the other, uniform as long as
/// one of them is, and all but one of them know nothing of it together. The order is that of random keys, sorted where no access of
/// memory depends on them (`Kernels.rows(of:sortedBy:)`).
///
/// Operands: shares of `shapes`, whose first extents are equal. - Returns: shares of the same shapes; words are moved, never rounded.
/// - Complexity: one round, in which each of the other parties sends 8 bytes an element to p, and p nothing; the dealer sends 8 bytes an
///   element.
/// > Security: Semi-honest, up to all parties but one; exact. p learns its own order, the others nothing. The dealer knows it: what was
/// > shuffled and is published has its first order to the dealer.
/// > Chase, Ghosh, Poburinnaya, "Secret-Shared Shuffle", ASIACRYPT 2020; here with a dealer and n parties.
package struct PermutationGate: Gate {
    package static let name = "permutation"

    /// Whose order it is.
    package let party: Int
    /// The operands', each `[rows, …]`.
    package let shapes: [Shape]

    package init(party: Int, shapes: [Shape]) {
        self.party = party
        self.shapes = shapes
        trapUnlessValid()
    }

    /// How many rows each operand has.
    package var rows: Int {
        shapes[0][0]
    }

    package func check() throws {
        try require((1...GateLimits.list).contains(shapes.count), "\(shapes.count) tensors are put into one order")
        try require(
            shapes.allSatisfy { $0.rank > 0 && $0[0] == shapes[0].dimensions.first },
            "tensors of shapes \(shapes) haven't as many rows"
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: shapes.count)
        try require((0..<parties).contains(party), "there is no party \(party)")
        for (index, shape) in shapes.enumerated() { try operands.share(index, count: shape.count) }
        return shapes.map { .share($0) }
    }

    package var stages: Int {
        2
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 {
            for shape in shapes {
                context.memory.wireMasks.append(WireMask(mask: context.openMask(shape), sharesHeld: false))
            }
            return
        }
        let masks = shapes.map { _ in context.memory.wireMasks.removeFirst().mask }
        try context.dealRows(of: masks, inOrderOf: party, rows: rows)
        for _ in shapes { context.yield(.nothing) }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 {
            for (index, shape) in shapes.enumerated() {
                try context.open(context.share(index).reshaped(to: shape), to: party)
            }
            return
        }
        var keys = context.orderKeys(of: party, rows: rows)
        for shape in shapes {
            let opened = try context.openedHere(shape)
            let mask = try context.correlation(shape)
            if let opened, let keys {
                context.yield(.share(context.kernels.subtract(context.kernels.rows(of: opened, sortedBy: keys), mask)))
            } else {
                context.yield(.share(context.kernels.negate(mask)))
            }
        }
        keys?.wipe()
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [
            StageCost(openings: shapes.map { Opening(words: $0.count, combination: .sum, receiver: party) }),
            StageCost(correctionWords: shapes.reduce(0) { $0 + $1.count }),
        ]
    }
}
