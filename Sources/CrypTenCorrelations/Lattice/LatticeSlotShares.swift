import CrypTenRing

/// What either party makes of its part of an answer: shares of what lies in slots.
extension LatticeKernels {
    /// From numbers modulo q′ to slots modulo the two primes of a pair, as residues of [chunk, prime of slots].
    func share(_ rows: ConstantRow, of unit: Int, in slots: LatticeSlots, to residues: LatticeResidues) {
        let pair = unit % slots.pairs
        let first = residues.elements + 2 * unit * LatticeParameters.degree
        let second = first + LatticeParameters.degree
        lower(rows, pair: pair, first: first, second: second)
        coefficientsToSlots(first, prime: 2 * pair)
        coefficientsToSlots(second, prime: 2 * pair + 1)
    }

    /// Parts of elements whose residues are in [chunk, prime of slots].
    func collect(_ residues: LatticeResidues, in slots: LatticeSlots, count: Int, negative: Bool) -> [RingTensor] {
        let rows = 2 * slots.pairs * LatticeParameters.degree
        func chunks(_ body: (_ rows: ConstantRow, _ start: Int, _ length: Int) -> Void) {
            split(slots.chunks(count)) { chunks in
                for chunk in chunks {
                    let start = chunk * slots.chunk
                    body(residues.elements + chunk * rows, start, min(slots.chunk, count - start))
                }
            }
        }
        var shares = (0..<slots.parts).map { _ in RingTensor(uninitialized: [count]) }
        switch slots {
        case .words:
            shares[0].withMutableWords { share in
                nonisolated(unsafe) let share = share
                chunks { collect($0, count: $2, negative: negative, to: share + $1) }
            }
        case .complex:
            var imaginary = shares.removeLast()
            shares[0].withMutableWords { real in
                imaginary.withMutableWords { imaginary in
                    nonisolated(unsafe) let (real, imaginary) = (real, imaginary)
                    chunks {
                        collect(complex: $0, count: $2, negative: negative, real: real + $1, imaginary: imaginary + $1)
                    }
                }
            }
            shares.append(imaginary)
        }
        return shares
    }
}
