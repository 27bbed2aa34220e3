import CrypTen

/// What one party of a training run has to tell.
struct TrainingPartyReport: Codable, Sendable {
    struct Epoch: Codable, Sendable {
        var epoch: Int
        /// The mean of the losses that were told; nil where none was, or not to this party.
        var loss: Double?
        var scores: TrainingScores?
    }

    var epochs: [Epoch] = []
    var steps = 0
    /// How many steps were taken before, where training went on from a checkpoint.
    var resumedAt: Int?
    /// Steps and tests, without masking of data and weights.
    var secondsTraining = 0.0
    /// At the party that is told them; nil where none was told.
    var losses: [Double?]?
    /// Files that were written.
    var exports: [String] = []
    var cost: PartyReport?

    /// What a party that was started by hand is shown.
    var text: String {
        var lines: [(String, String)] = []
        if let cost {
            lines = [
                ("steps", steps.grouped), ("rounds", cost.rounds.grouped), ("online bytes", cost.onlineBytes.grouped),
                ("setup bytes", cost.setupBytes.grouped),
            ]
            lines += cost.offline.lines
            lines.append(("seconds", cost.seconds.fixed(3)))
        }
        return Epoch.text(of: epochs, lines, exports)
    }
}

extension TrainingPartyReport.Epoch {
    /// What a report shows people: epochs where they say anything, costs, and where the network went.
    static func text(of epochs: [Self], _ costs: [(String, String)], _ exports: [String]) -> String {
        (table(of: epochs).map { $0 + "\n\n" } ?? "")
            + TextTable.list(costs + exports.map { ("the network", "in \($0)") })
    }

    /// Losses and scores by epoch; nil where there are none.
    static func table(of epochs: [Self]) -> String? {
        var columns = ["epoch"]
        if epochs.contains(where: { $0.loss != nil }) { columns.append("loss") }
        if epochs.contains(where: { $0.scores?.accuracy != nil }) { columns.append("accuracy") }
        if epochs.contains(where: { $0.scores?.auc != nil }) { columns.append("AUC") }
        if epochs.contains(where: { $0.scores?.meanSquaredError != nil }) { columns.append("squared error") }
        guard columns.count > 1 else { return nil }
        var table = TextTable(columns)
        for epoch in epochs {
            table.add(
                columns.map { column in
                    switch column {
                    case "epoch": "\(epoch.epoch)"
                    case "loss": epoch.loss?.fixed(4) ?? ""
                    case "accuracy": epoch.scores?.accuracy.map { "\(($0 * 100).fixed(2)) %" } ?? ""
                    case "AUC": epoch.scores?.auc?.fixed(4) ?? ""
                    default: epoch.scores?.meanSquaredError?.fixed(5) ?? ""
                    }
                }
            )
        }
        return table.text
    }
}

/// What a training run has given and cost, by the counters of all who took part.
struct TrainingReport: Codable, Sendable {
    var parties: Int
    var epochs: [TrainingPartyReport.Epoch]
    var steps: Int
    /// How many steps were taken before, where training went on from a checkpoint; they aren't counted here.
    var resumedAt: Int?
    /// Plans that were made: one for all steps, and for an uneven last batch, for masking and for tests.
    var plans: Int
    var rounds: Int
    var onlineBytesPerParty: [Int]
    var setupBytesPerParty: [Int]
    var dealerBytes: Int
    /// What the parties made themselves, where there was no dealer.
    var offline: OfflineReport?
    var seconds: Double
    var secondsTraining: Double
    /// The most that was resident, of each party's process and the dealer's.
    var peakMemoryBytes: [Int]
    /// The most that their tensors had, and that was kept for later ones, from the first step on.
    var tensorMemoryBytes: [Int]
    var exports: [String]
    /// Of each step, nil where none was told.
    var losses: [Double?]?

    init(parties: [TrainingPartyReport], dealer: DealerReport?, recipient: Int) {
        let costs = parties.compactMap(\.cost)
        self.parties = parties.count
        epochs = parties[recipient].epochs
        steps = parties[0].steps
        resumedAt = parties[0].resumedAt
        plans = costs.map(\.plans).max() ?? 0
        rounds = costs.map(\.rounds).max() ?? 0
        onlineBytesPerParty = costs.map(\.onlineBytes)
        setupBytesPerParty = costs.map(\.setupBytes)
        dealerBytes = dealer?.dealerBytes ?? 0
        offline = .joined(costs.map(\.offline))
        seconds = costs.map(\.seconds).max() ?? 0
        secondsTraining = parties.map(\.secondsTraining).max() ?? 0
        peakMemoryBytes = costs.map(\.peakMemoryBytes) + [dealer?.peakMemoryBytes].compactMap { $0 }
        tensorMemoryBytes = costs.map(\.tensorMemoryBytes) + [dealer?.tensorMemoryBytes].compactMap { $0 }
        exports = parties.flatMap(\.exports)
        losses = parties[recipient].losses
    }

    /// A table of epochs, and what it has cost.
    var text: String {
        var lines: [(String, String)] = [
            ("steps", steps.grouped + (resumedAt.map { " after the checkpoint of step \($0.grouped)" } ?? "")),
            ("rounds", rounds.grouped),
            ("online bytes a party", onlineBytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("setup bytes a party", setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
        ]
        lines += offline == nil ? [("dealer bytes", dealerBytes.grouped)] : offline.lines
        lines += [
            ("peak memory, MiB", peakMemoryBytes.map { ($0 >> 20).grouped }.joined(separator: "  ")),
            ("of it tensors, MiB", tensorMemoryBytes.map { ($0 >> 20).grouped }.joined(separator: "  ")),
            ("seconds", "\(seconds.fixed(3)) (training \(secondsTraining.fixed(3)))"),
        ]
        return TrainingPartyReport.Epoch.text(of: epochs, lines, exports)
    }
}
