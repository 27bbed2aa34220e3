internal import CrypTenRing

/// Products of masked bits: an output is an XOR of terms, each an AND of some variables `x = x^ ⊕ λ`.
///
/// Dealt are XOR shares of every product of masks that a term needs, `λ_S` for all S ⊆ term, each once; shares of
/// single masks only where the parties don't hold them. A party folds them into its share of the term, in 15 ANDs for a term of four
/// variables, which is written into a program of logic.
///
/// Terms and subsets are sets of variables 0 … 63, a bit each.
struct SubsetProducts: Sendable {
    /// The products that the dealer deals, in the order of dealing.
    let dealt: [UInt64]

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
        dealt = subsets.sorted().filter { $0.nonzeroBitCount > 1 || $0 & held == 0 }
    }

    /// The products of masks to deal, in order, of variables in these places: each product's by ascending variable.
    func masks(_ variables: [Int: BitProducts.Place]) -> [[BitProducts.Place]] {
        dealt.map { subset in
            (0..<64).filter { subset >> UInt64($0) & 1 == 1 }.map { variable in
                guard let place = variables[variable] else { preconditionFailure("variable \(variable) has a mask") }
                return place
            }
        }
    }

    /// What a party has of terms: the public parts of the variables, its shares of the masks that it holds, and of what is dealt.
    func shares(
        hats: [Int: BitProgram.Builder.Bit],
        held: [Int: BitProgram.Builder.Bit],
        dealt planes: some Collection<BitProgram.Builder.Bit>,
        first: Bool
    ) -> Shares {
        var shares: [UInt64: BitProgram.Builder.Bit] = [:]
        for (variable, mask) in held { shares[1 << UInt64(variable)] = mask }
        for (subset, plane) in zip(dealt, planes) { shares[subset] = plane }
        return Shares(hats: hats, products: shares, isFirst: first)
    }

    /// What a party has of products.
    struct Shares {
        /// A set of variables, and a public bit by which their AND is multiplied.
        typealias Term = (set: UInt64, condition: BitProgram.Builder.Bit?)

        fileprivate let hats: [Int: BitProgram.Builder.Bit]
        fileprivate let products: [UInt64: BitProgram.Builder.Bit]
        fileprivate let isFirst: Bool

        /// The party's share of the XOR of terms: of each the XOR, over its subsets S, of the share of `λ_S` times the public parts of
        /// the others, where that of no mask is 1 at the first party.
        func sum(_ terms: [Term], _ program: inout BitProgram.Builder) -> BitProgram.Builder.Bit {
            sum(terms, masks: 0, &program)
        }

        /// The same times the product of some masks.
        ///
        /// Bit after bit: of the terms that hold a variable x, without it, the sum times x's mask, and x^ times the sum alone; then what
        /// doesn't hold it. What most of the terms hold comes first, for that is done with all of them together.
        private func sum(
            _ terms: [Term],
            masks: UInt64,
            _ program: inout BitProgram.Builder
        ) -> BitProgram.Builder.Bit {
            let conditions = terms.compactMap(\.condition)
            let condition = conditions.max { a, b in conditions.count { $0 == a } < conditions.count { $0 == b } }
            let (variable, holding) = mostFrequent(terms)
            if let condition, conditions.count(where: { $0 == condition }) >= holding {
                let inside = terms.filter { $0.condition == condition }.map { Term($0.set, nil) }
                let outside = terms.filter { $0.condition != condition }
                let chosen = program.and(condition, sum(inside, masks: masks, &program))
                return program.xor(chosen, sum(outside, masks: masks, &program))
            }
            guard holding > 0 else {
                // Nothing but ones is left: their number decides.
                guard terms.count % 2 == 1 else { return program.zeros }
                if masks == 0 { return isFirst ? program.ones : program.zeros }
                return products[masks]!
            }
            let bit: UInt64 = 1 << UInt64(variable)
            let inside = terms.filter { $0.set & bit != 0 }.map { Term($0.set & ~bit, $0.condition) }
            let outside = terms.filter { $0.set & bit == 0 }
            let masked = sum(inside, masks: masks | bit, &program)
            let open = program.and(hats[variable]!, sum(inside, masks: masks, &program))
            return program.xor(program.xor(masked, open), sum(outside, masks: masks, &program))
        }

        /// The variable that most terms hold, the lowest of several, and how many they are.
        private func mostFrequent(_ terms: [Term]) -> (variable: Int, terms: Int) {
            var best = (variable: 0, terms: 0)
            var left = terms.reduce(0) { $0 | $1.set }
            while left != 0 {
                let variable = left.trailingZeroBitCount
                let holding = terms.count { $0.set >> UInt64(variable) & 1 == 1 }
                if holding > best.terms { best = (variable, holding) }
                left &= left - 1
            }
            return best
        }
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
