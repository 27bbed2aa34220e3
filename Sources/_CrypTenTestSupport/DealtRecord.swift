import CrypTenGates
import CrypTenRing

/// What one correlation is shares of, for whoever puts them together.
enum DealtForm: Sendable {
    /// Words, whose sum is dealt.
    case words(Rounding)
    /// Elements of some bits, packed: their sums modulo 2^bits.
    case packed(bits: Int, count: Int)
    /// Planes of so many bits, whose XOR is dealt.
    case bits(count: Int)

    /// How far two makers' words may be from each other, who know the same masks.
    ///
    /// Where a function of a mask is rounded, parties without a dealer round words of their own, so both shares decide.
    enum Rounding: Sendable {
        case none
        case units(UInt64)
        /// Powers of two: two units, and 2^-18 of themselves; only some are ever looked at.
        case powers(areRead: [Bool])
        /// Drawn by each maker for itself.
        case drawn(bits: Int)
    }

    /// What two parts are shares of: words, elements, or the words of planes.
    func combined(_ a: RingTensor, _ b: RingTensor, _ kernels: any Kernels) -> RingTensor {
        switch self {
        case .words: return kernels.add(a, b)
        case .packed(let bits, let count):
            let parts = [a, b].map { kernels.unpack($0, bits: bits, shape: [count]) }
            return kernels.lowBits(kernels.add(parts[0], parts[1]), bits)
        case .bits(let count):
            let words = BitPlanes.words(for: count)
            let parts = [a, b].map { BitPlanes($0, planes: $0.count / words, count: count) }
            return kernels.xor(parts[0], parts[1]).asWords
        }
    }

    /// Whether an element of a pair's is what a maker in the clear has.
    func isRight(_ got: UInt64, _ want: UInt64, at index: Int) -> Bool {
        guard case .words(let rounding) = self else { return got == want }
        let distance = Int64(bitPattern: got &- want).magnitude
        switch rounding {
        case .none: return distance == 0
        case .units(let units): return distance <= units
        case .powers(let areRead): return !areRead[index] || distance <= 2 + Int64(bitPattern: want).magnitude >> 18
        case .drawn(let bits): return got == want && got >> UInt64(bits) == 0
        }
    }

    var name: String {
        switch self {
        case .words(.none): "words"
        case .words(.units(let units)): "words within \(units)"
        case .words(.powers): "powers"
        case .words(.drawn(let bits)): "\(bits) drawn bits"
        case .packed(let bits, _): "elements of \(bits) bits"
        case .bits: "bits"
        }
    }

    /// Whether both makers' words are the same.
    var isExact: Bool {
        guard case .words(let rounding) = self else { return true }
        switch rounding {
        case .none, .drawn: return true
        case .units, .powers: return false
        }
    }
}

/// What is dealt in the order of dealing, where it is compared with what others have made who know the same masks.
final class DealtRecord {
    private(set) var forms: [DealtForm] = []
    /// What the others' n-th correlation is shares of.
    private let others: (Int, DealtForm) -> RingTensor

    init(_ others: @escaping (Int, DealtForm) -> RingTensor) {
        self.others = others
    }

    func append(_ form: DealtForm) {
        forms.append(form)
    }

    /// What the others have drawn, in the correlation that is next.
    func drawn(_ form: DealtForm) -> RingTensor {
        defer { forms.append(form) }
        return others(forms.count, form)
    }
}
