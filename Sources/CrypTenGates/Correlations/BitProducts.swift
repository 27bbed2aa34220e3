package import CrypTenRing

/// Products of planes of bits, as they are asked for: of some blocks of planes the ANDs of some sets, each of one plane or more.
package struct BitProducts: Sendable {
    /// Where a plane is.
    package struct Place: Hashable, Sendable {
        package var block: Int
        package var plane: Int

        package init(block: Int, plane: Int) {
            self.block = block
            self.plane = plane
        }
    }

    /// How many planes each block has.
    package let blocks: [Int]
    /// The planes of each product, in the order of dealing.
    package let products: [[Place]]
    /// What computes them where the bits are known, each from the one without its last plane.
    package let program: BitProgram

    package init(blocks: [Int], products: [[Place]]) {
        self.blocks = blocks
        self.products = products
        var program = BitProgram.Builder()
        let inputs = blocks.map { program.input(planes: $0) }
        let ands = products.map { places in program.all(places.map { inputs[$0.block][$0.plane] }) }
        self.program = program.program(ands)
    }
}
