/// Numbers that a seed decides, the same on all machines: for weights that can be drawn again.
///
/// > Note: No generator for masks or keys; who knows the seed knows the weights.
/// > Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The numbers of a seed; `stream` tells the tensors of one module apart.
    package init(seed: UInt64, stream: Int = 0) {
        state = seed
        state = next() ^ (UInt64(truncatingIfNeeded: stream) &* 0xd134_2543_de82_ef95)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
