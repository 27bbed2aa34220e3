internal import CrypTenRing

/// For whom a level of a comparison is computed, of what the levels before it have opened.
enum LevelRole: Hashable {
    /// The party whose share public terms belong to.
    case firstParty
    case party

    /// The inputs of a level's program: of each opening the public parts and the party's shares of the masks.
    func inputs(
        _ planes: [Int],
        _ program: inout BitProgram.Builder
    ) -> (hats: [[BitProgram.Builder.Bit]], masks: [[BitProgram.Builder.Bit]]) {
        var (hats, masks): ([[BitProgram.Builder.Bit]], [[BitProgram.Builder.Bit]]) = ([], [])
        for count in planes {
            hats.append(program.input(planes: count))
            masks.append(program.input(planes: count))
        }
        return (hats, masks)
    }

    /// What a party runs such a program on.
    func inputs(_ opened: [MaskedBits]) -> [BitPlanes] {
        opened.flatMap { bits in
            guard let mask = bits.maskShare else {
                preconditionFailure("the parties share the masks of what they open")
            }
            return [bits.hat, mask]
        }
    }
}
