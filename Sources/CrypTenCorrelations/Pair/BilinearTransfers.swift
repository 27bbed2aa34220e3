package import CrypTenRing

/// A bilinear operation of few multiply-accumulates as products of words, summed up: by transfers.
///
/// Seen as products of matrices ([group, row, channel] of either operand, summed over channels), the elements of one operand choose, bit by bit, and each
/// row of the other is weighed by all of them: 64 transfers serve every row.
///
/// Below some hundred multiply-accumulates that takes less than a ciphertext and an answer; elements of tensors of equal shape are always so.
/// > Gilboa, "Two party RSA key generation", CRYPTO '99.
package struct BilinearTransfers: Sendable {
    package let form: LatticeForm
    /// The operand whose elements choose.
    package let choosing: LatticeForm.Operand

    /// - Throws: `.shapeMismatch` where the shapes don't fit.
    package init(_ operation: BilinearOperation, _ left: Shape, _ right: Shape) throws {
        form = try LatticePlanner.matrix(operation, left, right)
        let form = form
        choosing = BilinearTransfers.price(form, .left) < BilinearTransfers.price(form, .right) ? .left : .right
    }

    /// What it takes of both parties and of a link within a machine, to be compared with a packing's.
    package var picoseconds: Int { BilinearTransfers.price(form, choosing) }

    /// A minute: whatever is beyond it is nothing for transfers.
    static let mostPicoseconds = 60_000_000_000_000

    private static func price(_ form: LatticeForm, _ choosing: LatticeForm.Operand) -> Int {
        let count = Double(form.groups) * Double(form[choosing].rows) * Double(form.channels)
        let rows = Double(form[choosing.other].rows)
        // Whole numbers below 2^53 are exact, so that both parties have the same; more than that is never chosen.
        let elements = 64 * count * (rows + 1)
        let bytes = 64 * 4 * count + 260 * count * rows
        let sum =
            64 * count * 2 * Double(TransferPrice.transferPicoseconds) + elements * 2
            * Double(TransferPrice.elementPicoseconds)
            + 64 * rows * 2 * Double(TransferPrice.messagePicoseconds) + bytes * Double(LatticeCost.bytePicoseconds)
        return sum < 0x1p53 ? Int(sum) : .max
    }

    /// Shares of op(x of party `left`, y of the other one), of the output's shape.
    func cross(_ x: Later<RingTensor>, _ y: Later<RingTensor>, left: Int, _ pair: Pair) -> Later<RingTensor> {
        let (form, choosing, kernels) = (form, choosing, pair.kernels)
        let isLeft = choosing == .left
        let (chosen, weighed) = isLeft ? (x, y) : (y, x)
        let (own, rows, channels) = (form[choosing].rows, form[choosing.other].rows, form.channels)
        let count = form.groups * own * channels
        guard count > 0, rows > 0 else { return Later(RingTensor(zeros: form.outputShape)) }
        let choices = pair.choices(of: isLeft ? left : 1 - left, planes: 64, count: count, after: chosen.moment) {
            let map = form.map(of: choosing)
            return kernels.planes(of: try chosen.value().gathered(count) { Int(map[$0]) }, from: 0, count: 64)
        }
        // Row r of the other operand, beside each row of the one that chooses.
        var (map, known): ([Int32], (row: Int, words: RingTensor)?) = ([], nil)
        func row(_ r: Int) throws -> RingTensor {
            if let known, known.row == r { return known.words }
            if map.isEmpty { map = form.map(of: choosing.other) }
            let words = try weighed.value().gathered(count) { place in
                Int(map[(place / (own * channels) * rows + r) * channels + place % channels])
            }
            known = (r, words)
            return words
        }
        return pair.weigh(
            by: choices,
            (0..<rows).flatMap { row in
                (0..<64).map { WeighedWord(plane: $0, width: 64 - $0, shift: $0, sum: row) }
            },
            after: weighed.moment,
            words: { .words(try row($0 / 64)) },
            into: { (0..<rows).map { _ in RingTensor(zeros: [count]) } }
        ).map { sums in
            let results = form.resultMap()
            var out = RingTensor(zeros: form.outputShape)
            out.withMutableWords { out in
                for (r, sum) in sums.enumerated() {
                    sum.withWords { sum in
                        for place in 0..<form.groups * own {
                            let (group, row) = place.quotientAndRemainder(dividingBy: own)
                            let (i, j) = isLeft ? (row, r) : (r, row)
                            var total: UInt64 = 0
                            for channel in 0..<channels { total &+= sum[place * channels + channel] }
                            out[Int(results[(group * form.left.rows + i) * form.right.rows + j])] = total
                        }
                    }
                }
            }
            return out
        }
    }
}

extension RingTensor {
    /// Elements at places that a public function names; zeros where it names none, by a number below zero.
    fileprivate func gathered(_ count: Int, _ place: (Int) -> Int) -> RingTensor {
        var out = RingTensor(uninitialized: [count])
        withWords { words in
            out.withMutableWords { out in
                for index in 0..<count {
                    let from = place(index)
                    out[index] = from < 0 ? 0 : words[from]
                }
            }
        }
        return out
    }
}
