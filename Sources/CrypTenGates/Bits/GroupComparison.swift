internal import CrypTenRing

/// A party's shares of what a group of bits of a mask r does to the borrow of c − r, written into a program: see `Kernels.borrows`.
struct GroupComparison {
    /// By subset of the group's bits, from {0} on: shares of the products of those of r.
    let products: [BitProgram.Builder.Bit]
    /// Whether public terms are this party's.
    let isFirst: Bool

    /// Shares of `[r > c]` and `[r = c]` for the bits of a number c, lowest first.
    func borrow(
        _ c: [BitProgram.Builder.Bit],
        _ program: inout BitProgram.Builder
    ) -> (generate: BitProgram.Builder.Bit, equal: BitProgram.Builder.Bit) {
        let q = c.map { program.not($0) }
        // F_j = r_j · Π_{k>j} (q_k ⊕ r_k), of the products whose lowest bit is j.
        let folds = q.indices.map { j in
            var sums = (0..<1 << (q.count - 1 - j)).map { products[($0 << (j + 1) | 1 << j) - 1] }
            for bit in (0..<q.count - 1 - j).reversed() {
                sums = (0..<1 << bit).map { program.xor(sums[$0 | 1 << bit], program.and(q[j + 1 + bit], sums[$0])) }
            }
            return sums[0]
        }
        let generate = program.sum(zip(q, folds).map { program.and($0, $1) })
        let highest = q.count - 1
        var equal = isFirst ? program.xor(folds[highest], q[highest]) : folds[highest]
        for j in (0..<highest).reversed() { equal = program.xor(folds[j], program.and(q[j], equal)) }
        return (generate, equal)
    }
}

extension BitProgram.Builder {
    /// The bits of a number, lowest first, plus or minus one modulo what they hold.
    mutating func moved(_ bits: [Bit], up: Bool) -> [Bit] {
        var carry = ones
        return bits.map { bit in
            let moved = xor(bit, carry)
            carry = and(carry, up ? bit : not(bit))
            return moved
        }
    }
}
