import CrypTenRing

/// A polynomial of one chunk's numbers in slots, modulo one pair of primes: the residues modulo its first prime, and the digit beside them.
final class LatticePlaintextSlots {
    let slots: LatticeSlots
    private let rows = LatticeResidues(zeros: 2 * LatticeParameters.degree)
    /// The last chunk's elements, and zeros.
    private let filled = LatticeWords(zeros: LatticeParameters.degree)

    init(_ slots: LatticeSlots) {
        self.slots = slots
    }

    var first: LatticeKernels.Row { rows.elements }
    var second: LatticeKernels.Row { rows.elements + LatticeParameters.degree }

    /// - Parameters:
    ///   - parts: Of all elements, of which a chunk is taken; zeros follow the last.
    ///   - unit: The chunk's number times the number of pairs, and the pair's.
    ///   - timesModulus: Whether the polynomial is multiplied by q.
    ///   - kernels: What computes.
    func fill(_ parts: [RingTensor], _ unit: Int, timesModulus: Bool, _ kernels: LatticeKernels) {
        precondition(parts.count == slots.parts, "\(parts.count) parts of numbers that have \(slots.parts)")
        let (chunk, pair) = unit.quotientAndRemainder(dividingBy: slots.pairs)
        let places = [(2 * pair, first), (2 * pair + 1, second)]
        switch slots {
        case .words, .real:
            withChunk(chunk, of: parts, 0) { words in
                for (prime, row) in places { kernels.slots(words, timesModulus: timesModulus, to: row, prime: prime) }
            }
        case .complex:
            withChunk(chunk, of: parts, 0) { real in
                withChunk(chunk, of: parts, 1) { imaginary in
                    for (prime, row) in places {
                        kernels.slots(
                            real: real,
                            imaginary: imaginary,
                            timesModulus: timesModulus,
                            to: row,
                            prime: prime
                        )
                    }
                }
            }
        }
        for (prime, row) in places { kernels.slotsToCoefficients(row, prime: prime) }
        kernels.join(first, second, pair: pair)
    }

    /// A part of a chunk's elements, filled up with zeros.
    private func withChunk(_ chunk: Int, of parts: [RingTensor], _ part: Int, _ body: (UnsafePointer<UInt64>) -> Void) {
        let size = slots.chunk
        let length = min(size, parts[part].count - chunk * size)
        parts[part].withWords { words in
            let start = words + chunk * size
            guard length < size else { return body(start) }
            let copy = filled.elements + part * size
            copy.update(from: start, count: length)
            (copy + length).update(repeating: 0, count: size - length)
            body(copy)
        }
    }
}
