internal import CrypTenRing

// b·x for a masked bit b and a wire x, out of dealt shares of β, λ and β·λ:
//
//     b·x = (b^ + (1 − 2·b^)·β)(x^ − λ) = b^·(x^ − λ) + (1 − 2·b^)(x^·β − β·λ)

extension PartyStage {
    /// A share of b·x, given shares of β and of the mask λ; β·λ is read.
    func selection(
        _ hat: BitPlanes,
        beta: RingTensor,
        of wire: MaskedWire,
        mask: RingTensor
    ) throws -> RingTensor {
        selection(hat, beta: beta, product: try function(of: wire), of: wire, mask: mask)
    }

    /// The same given β·λ, too.
    func selection(
        _ hat: BitPlanes,
        beta: RingTensor,
        product: RingTensor,
        of wire: MaskedWire,
        mask: RingTensor
    ) -> RingTensor {
        kernels.selection(of: wire.hat, beta: beta, product: product, mask: mask, where: hat, first: isFirst)
    }
}
