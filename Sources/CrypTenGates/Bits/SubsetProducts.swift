internal import CrypTenRing

/// Products of masked bits: an output is an XOR of terms, each an AND of some variables `x = x^ ⊕ λ`.
///
/// The dealer deals XOR shares of every product of masks that a term needs, `λ_S` for all S ⊆ term, each once; shares of
/// single masks only where the parties don't hold them. A party folds them into its share of the term
/// (`Kernels.foldedProduct`), in 15 ANDs for a term of four variables.
///
/// Terms and subsets are sets of variables 0 … 63, a bit each. Bits may be several planes: then all of it is done on each.
struct SubsetProducts: Sendable {
    /// The products that the dealer deals, in the order of dealing.
    let dealt: [UInt64]
    /// All the products that the terms need, those of one variable too: each after its own subsets.
    private let needed: [UInt64]

    private struct Form: Hashable {
        var terms: [UInt64]
        var held: UInt64
    }

    private static let known = Memo<Form, SubsetProducts>()

    /// - Parameter held: The variables whose masks the parties share.
    init(terms: [UInt64], held: UInt64) {
        self = SubsetProducts.known.value(Form(terms: terms, held: held)) { SubsetProducts($0) }
    }

    private init(_ form: Form) {
        let held = form.held
        var subsets: Set<UInt64> = []
        for term in form.terms {
            var subset = term
            while subset != 0 {
                subsets.insert(subset)
                subset = (subset &- 1) & term
            }
        }
        needed = subsets.sorted()
        dealt = needed.filter { $0.nonzeroBitCount > 1 || $0 & held == 0 }
    }

    /// The products of masks to deal, in order: each from the one without its highest variable.
    func masks(_ variables: [Int: BitPlanes], _ kernels: any Kernels) -> [BitPlanes] {
        var products: [UInt64: BitPlanes] = [:]
        for subset in needed {
            let highest = 63 - subset.leadingZeroBitCount
            let rest = subset & ~(1 << UInt64(highest))
            guard let variable = variables[highest] else { preconditionFailure("variable \(highest) has a mask") }
            products[subset] = rest == 0 ? variable : kernels.and(products[rest]!, variable)
        }
        return dealt.map { products[$0]! }
    }

    /// A party's shares of all products: those held and, from `planes`, those dealt.
    func shares(
        held variables: [Int: MaskedBits],
        dealt planes: BitPlanes,
        planesEach: Int
    ) -> [UInt64: BitPlanes] {
        var shares: [UInt64: BitPlanes] = [:]
        for (variable, bits) in variables { shares[1 << UInt64(variable)] = bits.maskShare }
        for (index, subset) in dealt.enumerated() {
            shares[subset] = planes[index * planesEach..<(index + 1) * planesEach]
        }
        return shares
    }

    /// A party's share of one term.
    static func share(
        of term: UInt64,
        _ variables: [Int: MaskedBits],
        _ shares: [UInt64: BitPlanes],
        _ context: PartyStage
    ) -> BitPlanes {
        let members = (0..<64).filter { term >> UInt64($0) & 1 == 1 }
        return context.kernels.foldedProduct(
            of: members.map { variables[$0]!.hat },
            shares: (1..<1 << members.count).map { subset in
                let set = members.enumerated().reduce(UInt64(0)) {
                    $0 | UInt64(subset >> $1.offset & 1) << UInt64($1.element)
                }
                return shares[set]!
            },
            first: context.isFirst
        )
    }

    /// A party's share of the XOR of terms, of which there is at least one.
    static func share(
        ofSum terms: [UInt64],
        _ variables: [Int: MaskedBits],
        _ shares: [UInt64: BitPlanes],
        _ context: PartyStage
    ) -> BitPlanes {
        var sum = share(of: terms[0], variables, shares, context)
        for term in terms.dropFirst() {
            context.kernels.accumulate(&sum, xor: share(of: term, variables, shares, context))
        }
        return sum
    }
}

extension Kernels {
    /// Planes together, without a copy where there is one part.
    func bundle(_ parts: [BitPlanes]) -> BitPlanes {
        parts.count == 1 ? parts[0] : stack(parts)
    }

    /// The same of masked bits.
    func bundle(_ parts: [MaskedBits]) -> MaskedBits {
        guard parts.count > 1 else { return parts[0] }
        let masks = parts.compactMap(\.maskShare)
        return MaskedBits(
            hat: stack(parts.map(\.hat)),
            maskShare: masks.count == parts.count ? stack(masks) : nil
        )
    }
}
