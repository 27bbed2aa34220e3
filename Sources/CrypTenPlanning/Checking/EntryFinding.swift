package import CrypTenExpressions
package import CrypTenRing

/// What was found of one entry of a graph.
package struct EntryFinding: Sendable {
    /// Its number in the graph, and those of the entries that it is made of and that were looked at, too.
    package var entry = 0
    package var operands: [Int] = []
    package var layer: String?
    package var operation = ""
    package var originNumber = 0
    package var shape: Shape = []
    package var kind = ElementKind.real
    /// Whether it is handed out.
    package var isOutput = false
    /// Whether it is an input, a kept value or a public one.
    package var isSource = false
    /// The largest magnitude, and where it stands.
    package var largest = 0.0
    package var largestPlace = 0
    /// The largest magnitude of the true numbers that are finite.
    package var largestTruth = 0.0
    /// The largest difference from the value in the clear, and where.
    package var error = 0.0
    package var errorPlace = 0
    /// What is further from the true value than it may be.
    package var deviation: Deviation?
    /// Numbers that the encoding takes for 0, or that it takes most significant bits.
    package var loss: Loss?
    /// How many numbers have no true value, as a quotient by 0, and where the first one stands.
    package var undefined = (count: 0, place: 0)
    /// Numbers outside of the range that is declared of them.
    package var outside: Outside?
    /// The narrowest use; nil where no gate reads the value for what it says.
    package var use: RangeUse?

    /// Numbers beyond the bound of their error, and the one that is furthest beyond it.
    package struct Deviation: Sendable {
        package var count = 0
        package var place = 0
        package var number = 0.0
        package var truth = 0.0
        /// How far it may be from it.
        package var bound = 0.0
        /// The true operands at that place, where the operation is one by elements.
        package var operands: [Double] = []
    }

    /// Numbers outside of a declared range, and the first of them.
    package struct Outside: Sendable {
        package var count: Int
        package var number: Double
        package var place: Int
        package var low: Double
        package var high: Double
    }

    /// Numbers of which little is left.
    package struct Loss: Sendable {
        /// How many are 0 and shouldn't be.
        package var vanished = 0
        /// How many are off by more than 2⁻⁸ of their size, those included.
        package var imprecise = 0
        /// The smallest that vanished, or else the one that lost most, and where it stands.
        package var number = 0.0
        package var place = 0
    }

    /// Numbers count as imprecise that are off by more than this part of their size.
    package static let precision = 0x1p-8

    /// How far a number may be off of which no bound is known, relative or absolute.
    private static let least = 0x1p-13

    mutating func note(_ new: RangeUse) {
        if let use, use.headRoomBits <= new.headRoomBits { return }
        use = new
    }

    /// Notes how far the numbers of a form are from the true ones.
    ///
    /// - Parameter unit: The step of their encoding.
    mutating func compare(_ numbers: [Double], with clear: ClearValue, unit: Double) {
        let truths = clear.tensor.doubles
        var (beyond, lost) = (Deviation(), Loss())
        var (furthest, least) = (0.0, Double.infinity)
        undefined = (0, 0)
        for place in numbers.indices {
            let (number, truth) = (numbers[place], truths[place])
            guard truth.isFinite else {
                if undefined.count == 0 { undefined.place = place }
                undefined.count += 1
                continue
            }
            largestTruth = max(largestTruth, truth.magnitude)
            let off = abs(number - truth)
            if off > error { (error, errorPlace) = (off, place) }
            if truth != 0, off > truth.magnitude * EntryFinding.precision {
                lost.imprecise += 1
                if number == 0 { lost.vanished += 1 }
                if truth.magnitude < least { (least, lost.number, lost.place) = (truth.magnitude, truth, place) }
            }
            // Doubles round, too, and what is read is a whole number of units.
            var bound = (clear.errors?[place] ?? 0) * (1 + 0x1p-20) + unit + truth.magnitude * 0x1p-40
            // Nothing is documented of what was divided by a number that may be 0: then it is right, or it is told.
            if bound == .infinity { bound = max(unit, EntryFinding.least, truth.magnitude * EntryFinding.least) }
            if off > bound {
                beyond.count += 1
                if off - bound > furthest {
                    furthest = off - bound
                    (beyond.place, beyond.number, beyond.truth, beyond.bound) = (place, number, truth, bound)
                }
            }
        }
        if beyond.count > 0, beyond.count >= deviation?.count ?? 0 { deviation = beyond }
        if lost.imprecise > 0, lost.imprecise >= loss?.imprecise ?? 0 { loss = lost }
    }
}
