import CrypTenRing

extension Pair {
    /// An XOR-shared bit that is 1 where a number of random bits, plane 0 the lowest, is less than a public one of as many bits.
    ///
    /// u < p where at the highest bit in which they differ p has 1. Bit j alone says less where p has 1 and u has 0, and that nothing is
    /// decided where they are equal, which is linear in u_j; two neighbouring runs of bits are put together by two ANDs.
    ///
    /// - Complexity: two ANDs for each bit but one, in ⌈log2 bits⌉ turns of two exchanges.
    package func isLess(_ bits: PairBits, than number: UInt64) -> PairPlanes {
        let (kernels, party, count, planes) = (kernels, party, bits.count, bits.planes)
        func constant(_ one: Bool) -> PairPlanes {
            let isOne = one && party == 0
            return PairPlanes(
                PairBits(
                    planes: 1,
                    count: count,
                    part: Later(at: 0) {
                        let zeros = BitPlanes(zeros: 1, count: count)
                        return isOne ? kernels.not(zeros) : zeros
                    }
                )
            )
        }
        guard number < 1 << UInt64(planes) else { return constant(true) }
        guard number > 0 else { return constant(false) }
        func negated(_ plane: Int) -> Later<BitPlanes> {
            bits.part.map { party == 0 ? kernels.not($0[plane]) : $0[plane] }
        }
        // Below the lowest 1 of p nothing can be less.
        let lowest = number.trailingZeroBitCount
        // Runs from the lowest up: whether u is less in them, and whether equal; of the lowest the second isn't read.
        var runs = (lowest..<planes).map { plane -> (less: Later<BitPlanes>?, equal: Later<BitPlanes>) in
            if number >> UInt64(plane) & 1 == 1 {
                return (negated(plane), bits.part.map { $0[plane] })
            } else {
                return (nil, negated(plane))
            }
        }
        while runs.count > 1 {
            var blocks: [PairPlanes] = []
            func place(_ bit: Later<BitPlanes>) -> Int {
                blocks.append(PairPlanes(PairBits(planes: 1, count: count, part: bit)))
                return blocks.count - 1
            }
            var products: [[Int]] = []
            // What each pair of runs becomes: the products that are its parts.
            var shapes: [(high: Later<BitPlanes>?, less: Int?, equal: Int?)] = []
            for low in stride(from: 0, to: runs.count - 1, by: 2) {
                let (below, above) = (runs[low], runs[low + 1])
                let equal = place(above.equal)
                var shape: (high: Later<BitPlanes>?, less: Int?, equal: Int?) = (above.less, nil, nil)
                if let less = below.less {
                    shape.less = products.count
                    products.append([equal, place(less)])
                }
                if low > 0 {
                    shape.equal = products.count
                    products.append([equal, place(below.equal)])
                }
                shapes.append(shape)
            }
            let made = self.products(of: blocks, products) { ($0, $0) }
            func plane(_ index: Int) -> Later<BitPlanes> { made.part.map { $0[index] } }
            var next = shapes.map { shape -> (less: Later<BitPlanes>?, equal: Later<BitPlanes>) in
                let less: Later<BitPlanes>? =
                    switch (shape.high, shape.less) {
                    case (let high?, let product?): high.with(plane(product)) { kernels.xor($0, $1) }
                    case (let high?, nil): high
                    case (nil, let product?): plane(product)
                    case (nil, nil): nil
                    }
                return (less, shape.equal.map(plane) ?? Later(at: 0) { BitPlanes(zeros: 1, count: count) })
            }
            if runs.count % 2 == 1 { next.append(runs[runs.count - 1]) }
            runs = next
        }
        guard let less = runs[0].less else { return constant(false) }
        return PairPlanes(PairBits(planes: 1, count: count, part: less))
    }
}
