package import CrypTenRing

/// Planes of bits that the two share: `bit = part of party 0 ⊕ part of party 1`.
///
/// A plane's choices towards a party, one transfer a bit, are made when a correlation first needs them, and serve all that need them until what is
/// written down has gone; after that the bits may choose again, by other transfers.
package final class PairBits {
    package let planes: Int
    package let count: Int
    package let part: Later<BitPlanes>
    /// By the party that chooses: where each plane's transfers are.
    private var chosen: [[Chosen?]]

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
        guard let chosen = chosen[chooser][plane], let choices = chosen.choices else { return nil }
        return (choices, chosen.plane)
    }

    func setChoice(_ plane: Int, to chooser: Int, _ choices: PairChoices, plane place: Int) {
        chosen[chooser][plane] = Chosen(choices: choices, plane: place)
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
