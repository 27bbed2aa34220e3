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

    /// Shares of elements whose residues are in [chunk, prime of slots]: as many tensors as `LatticeSlots.shares`.
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
        var first = RingTensor(uninitialized: [count])
        guard slots.shares == 2 else {
            first.withMutableWords { first in
                nonisolated(unsafe) let first = first
                chunks { collect($0, count: $2, negative: negative, to: first + $1) }
            }
            return [first]
        }
        var second = RingTensor(uninitialized: [count])
        first.withMutableWords { first in
            second.withMutableWords { second in
                nonisolated(unsafe) let (first, second) = (first, second)
                chunks { rows, start, length in
                    let (first, second) = (first + start, second + start)
                    if slots == .complex {
                        collect(complex: rows, count: length, negative: negative, real: first, imaginary: second)
                    } else {
                        collect(real: rows, count: length, negative: negative, low: first, high: second)
                    }
                }
            }
        }
        return [first, second]
    }
}
