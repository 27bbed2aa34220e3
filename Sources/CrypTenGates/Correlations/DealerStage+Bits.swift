package import CrypTenRing

// Functions of masks of bits, computed where the masks are known; random numbers and orders.
extension DealerStage {
    package func dealBits(_ bits: BitPlanes) throws {
        try deal(bits)
    }

    package func dealSubsetProducts(of planes: BitPlanes, starts: [Int], size: Int) throws {
        try deal(kernels.subsetProducts(of: planes, starts: starts, size: size))
    }

    package func dealProducts(_ products: BitProducts, of blocks: [BitPlanes]) throws {
        try deal(kernels.run(products.program, on: blocks))
    }

    package func dealNumber(of bits: BitPlanes) throws {
        try deal(kernels.words(of: bits, shape: [bits.count]))
    }

    package func dealSelection(_ bits: BitPlanes, of wire: WireMask<RingTensor>) throws {
        try dealFunction(of: wire) { kernels.keep($0, where: bits) }
    }

    // MARK: Random numbers and orders

    package func dealLowBits(_ bits: Int, count: Int) throws {
        try deal(kernels.lowBits(maskSum([count]), bits))
    }

    package func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> BitPlanes {
        let uniform = kernels.lowBits(maskSum([count]), bits)
        let less = kernels.planes(of: kernels.add(uniform, scalar: 0 &- numerator), from: 63, count: 1)
        try deal(less)
        return less
    }

    package func dealRows(of masks: [RingTensor], inOrderOf party: Int, rows: Int) throws {
        var keys = orderKeys(of: party, rows: rows)
        for mask in masks { try deal(kernels.rows(of: mask, sortedBy: keys)) }
        keys.wipe()
    }
}
