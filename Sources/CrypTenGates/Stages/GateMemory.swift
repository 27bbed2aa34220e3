package import CrypTenRing

/// What one gate of one run keeps between its stages, at one role.
package final class GateMemory {
    /// First in, first out: bits that a stage leaves for a later one.
    package var bits: [BitPlanes] = []
    package var maskedBits: [MaskedBits] = []
    package var tensors: [RingTensor] = []
    package var wires: [MaskedWire] = []
    /// The same at the dealer.
    package var wireMasks: [WireMask] = []
    /// Shares that wait for a later stage; `tensors` belongs to the openings.
    package var shares: [RingTensor] = []
    /// Borrow chains that a comparison is combining, slab by slab: at a party, and at the dealer.
    package var carries: [CarryState<MaskedBits>] = []
    package var carryMasks: [CarryState<BitPlanes>] = []

    package init() {}
}
