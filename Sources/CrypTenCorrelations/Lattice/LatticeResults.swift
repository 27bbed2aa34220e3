/// Which coefficients of which answers are which elements of the result: the same for both parties.
struct LatticeResults {
    private let packing: LatticePacking
    private let outputs: Range<Int>
    private let map: [Int32]
    private let offsets: [Int]

    /// Answers.
    let count: Int

    init(_ packing: LatticePacking, outputs: Range<Int>) {
        self.packing = packing
        self.outputs = outputs
        map = packing.form.resultMap()
        count = packing.form.groups * packing.rowTiles * outputs.count
        var offsets = [0]
        for number in 0..<count {
            var used = 0
            LatticeResults.forEach(packing, outputs, map, number) { _, _ in used += 1 }
            offsets.append(offsets[number] + LatticeParameters.answerBytes(used: used))
        }
        self.offsets = offsets
    }

    /// Bytes of all.
    var bytes: Int { offsets[count] }

    /// Where an answer begins.
    func offset(_ number: Int) -> Int { offsets[number] }

    /// Its coefficients that are results.
    func used(_ number: Int) -> [(coefficient: Int, element: Int)] {
        var used: [(coefficient: Int, element: Int)] = []
        LatticeResults.forEach(packing, outputs, map, number) { used.append(($0, $1)) }
        return used
    }

    private static func forEach(
        _ packing: LatticePacking,
        _ outputs: Range<Int>,
        _ map: [Int32],
        _ number: Int,
        _ body: (_ coefficient: Int, _ element: Int) -> Void
    ) {
        let form = packing.form
        let (tile, block) = number.quotientAndRemainder(dividingBy: outputs.count)
        let (group, first) = (tile / packing.rowTiles, tile % packing.rowTiles * packing.lanes)
        let (rows, plain, positions) = (packing.encryptedSide.rows, packing.plainSide.rows, form.resultOffsets.count)
        let firstOutput = (outputs.lowerBound + block) * packing.blockOutputs
        for o in 0..<min(packing.blockOutputs, plain - firstOutput) {
            for lane in 0..<min(packing.lanes, rows - first) {
                let (left, right) =
                    packing.encrypted == .left ? (first + lane, firstOutput + o) : (firstOutput + o, first + lane)
                let base = ((group * form.left.rows + left) * form.right.rows + right) * positions
                for (position, offset) in form.resultOffsets.enumerated() where map[base + position] >= 0 {
                    let exponent = packing.resultExponent(output: o) + offset
                    body(lane + packing.lanes * exponent, Int(map[base + position]))
                }
            }
        }
    }
}
