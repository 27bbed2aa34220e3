package import CrypTenRing

/// What one step of a run needs that doesn't depend on its inputs, where a party has computed it before the run.
package struct StepAhead: Sendable {
    /// The words under which the step opens its first share; no other step reads them.
    package var mask: RingTensor?
    /// By the number of the gate's product.
    package var terms: [MaskedProduct.Term?]

    package init(mask: RingTensor? = nil, terms: [MaskedProduct.Term?] = []) {
        self.mask = mask
        self.terms = terms
    }

    /// The memory that this takes.
    package var bytes: Int {
        let words = (mask?.count ?? 0) + terms.reduce(0) { $0 + ($1?.value.count ?? 0) }
        return words * 8
    }
}
