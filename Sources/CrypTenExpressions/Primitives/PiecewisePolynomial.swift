/// A function given by polynomials between knots: on `[knots[j-1], knots[j])` piece `j` holds, with open ends outside.
///
/// The numbers are doubles whose scaling by powers of two and rounding is exact on every machine; the planner turns
/// them into the integers that enter the plan.
package struct PiecewisePolynomial: Hashable, Sendable {
    /// `Σ_d coefficients[d] · (x − center)^d`
    package struct Piece: Hashable, Sendable {
        package var center: Double
        package var coefficients: [Double]

        package init(center: Double, coefficients: [Double]) {
            self.center = center
            self.coefficients = coefficients
        }
    }

    /// For plans and cost reports: "clamp", "hardtanh".
    package var name: String
    /// Ascending, multiples of 2^-fractionBits where exactness matters.
    package var knots: [Double]
    /// One more than there are knots.
    package var pieces: [Piece]

    package init(name: String, knots: [Double], pieces: [Piece]) {
        precondition(pieces.count == knots.count + 1, "\(name): \(knots.count) knots need \(knots.count + 1) pieces")
        self.name = name
        self.knots = knots
        self.pieces = pieces
    }

    /// What the pieces say at x.
    package func evaluate(_ x: Double) -> Double {
        // The number of knots at or below x.
        var (low, high) = (0, knots.count)
        while low < high {
            let middle = (low + high) / 2
            if knots[middle] <= x { low = middle + 1 } else { high = middle }
        }
        let distance = x - pieces[low].center
        return pieces[low].coefficients.reversed().reduce(0) { $0 * distance + $1 }
    }
}
