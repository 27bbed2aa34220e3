package import CrypTenRing

/// What one gate of one run keeps between its stages, at a party.
package final class GateMemory {
    /// First in, first out: bits that a stage leaves for a later one.
    package var bits: [BitPlanes] = []
    package var maskedBits: [MaskedBits] = []
    package var tensors: [RingTensor] = []
    package var wires: [MaskedWire] = []
    /// Shares that wait for a later stage; `tensors` belongs to the openings.
    package var shares: [RingTensor] = []
    /// Borrow chains that a comparison is combining, slab by slab.
    package var carries: [CarryState] = []

    package init() {}
}

/// The same for whoever makes the correlations: masks, as its `DealStage` has them.
package final class MaskMemory<Words: Sendable, Bits: Sendable> {
    /// First in, first out: masks that a stage leaves for a later one.
    package var bits: [Bits] = []
    package var wireMasks: [WireMask<Words>] = []
    /// Borrow chains that a comparison is combining, slab by slab.
    package var carryMasks: [CarryMasks<Bits>] = []

    package init() {}
}
