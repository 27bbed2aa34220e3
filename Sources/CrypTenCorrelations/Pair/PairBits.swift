import CrypTenGates
package import CrypTenRing

/// Planes of bits that the two share: `bit = part of party 0 ⊕ part of party 1`.
///
/// A plane's choices towards a party, one transfer a bit, are made when a correlation first needs them, and serve all that need them until the
/// turn ends; after that the bits may choose again, by other transfers.
package final class PairBits {
    package let planes: Int
    package let count: Int
    package let part: Later<BitPlanes>
    /// By the party that chooses: where each plane's transfers are.
    private var chosen: [[Chosen?]]

    /// Runs of the elements that were asked for, or of which this was put together.
    private var slabs: [Range<Int>: PairBits] = [:]

    private struct Chosen {
        weak var choices: PairChoices?
        var plane: Int
    }

    package init(planes: Int, count: Int, part: Later<BitPlanes>) {
        (self.planes, self.count, self.part) = (planes, count, part)
        chosen = Array(repeating: Array(repeating: nil, count: planes), count: 2)
    }

    package var moment: Int { part.moment }

    /// The transfers of a plane towards a party, if there are any.
    func choice(_ plane: Int, to chooser: Int) -> (choices: PairChoices, plane: Int)? {
        guard let chosen = chosen[chooser][plane], let choices = chosen.choices, !choices.turn.isOver else {
            return nil
        }
        return (choices, chosen.plane)
    }

    func setChoice(_ plane: Int, to chooser: Int, _ choices: PairChoices, plane place: Int) {
        chosen[chooser][plane] = Chosen(choices: choices, plane: place)
    }

    /// Elements `range` of every plane, from a multiple of 64 on: once for each range.
    func slab(_ range: Range<Int>, _ kernels: any Kernels) -> PairBits {
        if let slab = slabs[range] { return slab }
        let slab = map(count: range.count) { kernels.slab($0, range) }
        slabs[range] = slab
        return slab
    }

    /// Slabs of one plane, one after the other, which stay what they are.
    static func joining(_ parts: [PairPlanes], count: Int, _ kernels: any Kernels) -> PairBits {
        if parts.count == 1, parts[0].source.planes == 1 { return parts[0].source }
        let planes = parts.map(\.part)
        let joined = PairBits(
            planes: 1,
            count: count,
            part: Later(at: parts.map(\.moment).max() ?? 0) {
                kernels.join(try planes.map { try $0.value() }, count: count)
            }
        )
        var start = 0
        for part in parts {
            if part.source.planes == 1 { joined.slabs[start..<start + part.count] = part.source }
            start += part.count
        }
        return joined
    }

    /// Several planes of slabs, one after the other.
    static func concatenating(_ parts: [PairPlanes], _ kernels: any Kernels) -> PairBits {
        let (planes, count) = (parts[0].planes, parts.reduce(0) { $0 + $1.count })
        return PairBits(
            planes: planes,
            count: count,
            part: Later(at: parts.map(\.moment).max() ?? 0) {
                let values = try parts.map { try $0.part.value() }
                return kernels.stack((0..<planes).map { plane in kernels.join(values.map { $0[plane] }, count: count) })
            }
        )
    }

    /// What an XOR-linear function makes of them.
    package func map(planes: Int? = nil, count: Int? = nil, _ body: @escaping (BitPlanes) -> BitPlanes) -> PairBits {
        PairBits(planes: planes ?? self.planes, count: count ?? self.count, part: part.map(body))
    }

    /// What an XOR-linear function makes of both.
    package func with(_ other: PairBits, _ body: @escaping (BitPlanes, BitPlanes) -> BitPlanes) -> PairBits {
        PairBits(planes: planes, count: count, part: part.with(other.part, body))
    }
}
