internal import CrypTenBase
internal import Foundation

/// What is public of a checkpoint, and the same at all parties.
public struct CheckpointHeader: Hashable, Sendable, Codable {
    /// Which training it is of: a number that party 0 has drawn when it began.
    public internal(set) var training: String
    /// Which checkpoint it is: drawn for it, so that shares of two, though of one step, are never added up.
    var save: String
    /// How many were made of the training before.
    var generation: Int
    /// How many steps were taken.
    public internal(set) var stepCount: Int
    /// The epoch that the next step belongs to, counted from 0.
    public internal(set) var epoch: Int
    /// What the order of the data follows from.
    public internal(set) var orderSeed: UInt64
    /// Loss, optimiser and schedule in words.
    public internal(set) var summary: String
    /// Whatever else the program must find again.
    public internal(set) var notes: [String: String]
    /// Fraction bits of the sessions that it belongs to.
    public internal(set) var fractionBits: Int
    /// How many parties have a part of it.
    public internal(set) var partyCount: Int
    /// SHA-256 of the tensors' names, shapes, kinds and fraction bits.
    var form: String
}

extension CheckpointHeader {
    /// Whether its numbers can be a checkpoint's: it may come from anywhere.
    var isPossible: Bool {
        [training, save].allSatisfy { $0.utf8.count == 32 && $0.allSatisfy(\.isHexDigit) }
            && [generation, stepCount, epoch].allSatisfy { (0...1 << 53).contains($0) } && partyCount >= 2
    }

    /// The checkpoint that parties go on from: the newest that all of them have.
    ///
    /// - Parameter lists: Each party's whole ones.
    /// - Returns: Nil where no party has any.
    /// - Throws: `.wrongSession` where they are of different trainings; `.fileNotReadable` where a party has none, or there is none that all have.
    static func newest(inAll lists: [[CheckpointHeader]]) throws -> CheckpointHeader? {
        if lists.allSatisfy(\.isEmpty) { return nil }
        let steps = lists.enumerated().map { party, list in
            let steps = list.map(\.stepCount).sorted().map(String.init).joined(separator: " and ")
            return "\(PartyID(party)) has \(list.isEmpty ? "none" : "that of step \(steps)")"
        }.joined(separator: ", ")
        if let party = lists.firstIndex(where: \.isEmpty) {
            throw CrypTenError(
                .fileNotReadable,
                "\(PartyID(party)) has no whole checkpoint, and the others' are of no use without: \(steps); bring its files back, or start anew"
            )
        }
        let common = lists[0].filter { header in lists.allSatisfy { $0.contains(header) } }
        if let newest = common.max(by: {
            ($0.generation, $0.stepCount, $0.save) < ($1.generation, $1.stepCount, $1.save)
        }) {
            return newest
        }
        for (party, list) in lists.enumerated() {
            guard Set(list.map(\.training)).isDisjoint(with: lists[0].map(\.training)) else { continue }
            throw CrypTenError(
                .wrongSession,
                """
                checkpoints of different trainings don't go together: \(PartyID(0))'s are of training \(lists[0][0].training.prefix(8)), \
                \(PartyID(party))'s of \(list[0].training.prefix(8)); bring the files of one
                """
            )
        }
        throw CrypTenError(
            .fileNotReadable,
            "there is no checkpoint that all parties have: \(steps); bring back files that are missing, or start anew"
        )
    }
}
