import CrypTen
import CrypTenRing

/// What making correlations took at a party, or at two together, where there was no dealer.
struct OfflineReport: Codable, Sendable, Equatable {
    /// Bytes that the party wrote to the other one for it, frame headers included; by party where several are joined.
    var bytesPerParty: [Int]
    var exchanges: Int
    /// Correlated transfers, in both directions.
    var transfers: Int
    var seconds: Double

    init(_ statistics: SessionStatistics) {
        bytesPerParty = [statistics.offlineBytes]
        exchanges = statistics.offlineExchanges
        transfers = statistics.transfers
        seconds = statistics.secondsOffline
    }

    /// What all parties have told; nil where there was a dealer.
    static func joined(_ parties: [OfflineReport?]) -> OfflineReport? {
        let known = parties.compactMap { $0 }
        guard var report = known.first else { return nil }
        report.bytesPerParty = known.flatMap(\.bytesPerParty)
        report.seconds = known.map(\.seconds).max() ?? 0
        return report
    }
}

extension OfflineReport? {
    /// Lines of a table.
    var lines: [(String, String)] {
        guard let report = self else { return [] }
        return [
            ("offline bytes a party", report.bytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("offline exchanges", report.exchanges.grouped),
            ("correlated transfers", report.transfers.grouped),
            ("seconds offline", report.seconds.fixed(3)),
        ]
    }
}

/// What one party of an inference has to tell.
struct PartyReport: Codable, Sendable {
    var rounds: Int
    var onlineBytes: Int
    var setupBytes: Int
    /// Where there was no dealer.
    var offline: OfflineReport?
    /// From everybody connected and inputs loaded to outputs revealed.
    var seconds: Double
    /// Those of it in which the run was dealt ahead; 0 where it wasn't.
    var secondsPrepare: Double
    var secondsOnline: Double
    var secondsPlan: Double
    /// Plans that were made.
    var plans: Int
    var work: WorkTimes
    var peakMemoryBytes = PeakMemory.bytes
    /// The most that its tensors had, and that was kept for later ones; in training, from the first step on.
    var tensorMemoryBytes = ProcessMemory.mostBytesOfTensors.held
    /// How many runs the batch took.
    var slices: Int?
    /// At the party that learns them.
    var outputs: [OutputReport]?
    /// What the encoding takes from this party's own weights or inputs.
    var losses: [EncodingLoss]?

    init(_ statistics: SessionStatistics, seconds: Duration) {
        rounds = statistics.rounds
        onlineBytes = statistics.onlineBytes
        setupBytes = statistics.setupBytes
        offline = statistics.offlineExchanges > 0 ? OfflineReport(statistics) : nil
        self.seconds = seconds / .seconds(1)
        secondsPrepare = statistics.secondsPreparing
        secondsOnline = statistics.secondsOnline
        secondsPlan = statistics.secondsPlanning
        plans = statistics.plans
        work = statistics.work
    }
}

/// One output of a model.
struct OutputReport: Codable, Sendable {
    var name: String
    var shape: [Int]
    /// The path of its `.npy` file.
    var file: String?
    /// Who learns it.
    var parties: [Int] = [0]

    /// Its shape and file, and who learns it where that isn't party 0.
    var place: String {
        let learners = parties == [0] ? "" : ", learnt by " + parties.map { "party \($0)" }.joined(separator: ", ")
        return "\(shape) in \(file ?? "no file")\(learners)"
    }
}

/// What a dealer has to tell of a session that has ended.
struct DealerReport: Codable, Sendable {
    /// Corrections, frame headers included, by its transport's counters.
    var dealerBytes: Int
    /// The most memory that its process has had resident.
    var peakMemoryBytes = PeakMemory.bytes
    /// The most that its tensors had, and that was kept for later ones.
    var tensorMemoryBytes = ProcessMemory.mostBytesOfTensors.held
    var work: WorkTimes
}

/// What an inference has cost, by the counters of all who took part.
struct InferenceReport: Codable, Sendable {
    var parties: Int
    /// How many runs the batch took; rounds, bytes and seconds are those of all.
    var slices: Int
    var rounds: Int
    var onlineBytesPerParty: [Int]
    var setupBytesPerParty: [Int]
    var dealerBytes: Int
    /// What the parties made themselves, where there was no dealer.
    var offline: OfflineReport?
    var seconds: Double
    /// Those of it in which the run was dealt ahead; 0 where it wasn't.
    var secondsPrepare: Double
    var secondsOnline: Double
    var secondsPlan: Double
    /// The most memory that each process has had resident, the dealer's last, where there is one.
    var peakMemoryBytes: [Int]
    /// Where the time went, by member, the dealer last, where there is one.
    var profile: [WorkTimes]?
    var outputs: [OutputReport]
    /// What the encoding takes from weights and inputs, where it is worth a word; these processes are all their owner's.
    var losses: [EncodingLoss]?

    /// Joins what all have told; the parties in order.
    init(parties: [PartyReport], dealer: DealerReport?) {
        self.parties = parties.count
        slices = parties.lazy.compactMap(\.slices).first ?? 1
        rounds = parties.map(\.rounds).max() ?? 0
        onlineBytesPerParty = parties.map(\.onlineBytes)
        setupBytesPerParty = parties.map(\.setupBytes)
        dealerBytes = dealer?.dealerBytes ?? 0
        offline = .joined(parties.map(\.offline))
        seconds = parties.map(\.seconds).max() ?? 0
        secondsPrepare = parties.map(\.secondsPrepare).max() ?? 0
        secondsOnline = parties.map(\.secondsOnline).max() ?? 0
        secondsPlan = parties.map(\.secondsPlan).max() ?? 0
        peakMemoryBytes = parties.map(\.peakMemoryBytes) + [dealer?.peakMemoryBytes].compactMap { $0 }
        profile = parties.map(\.work) + [dealer?.work].compactMap { $0 }
        outputs = parties.compactMap(\.outputs).joinedOutputs
        losses = parties.flatMap { $0.losses ?? [] }.listed
    }

    /// The costs as lines of a table.
    var costLines: [(String, String)] {
        let prepared = secondsPrepare > 0 ? "preparing \(secondsPrepare.fixed(3)), " : ""
        var lines: [(String, String)] = slices > 1 ? [("slices", "\(slices)")] : []
        lines += [
            ("rounds", "\(rounds)"),
            ("online bytes a party", onlineBytesPerParty.map(\.grouped).joined(separator: "  ")),
            ("setup bytes a party", setupBytesPerParty.map(\.grouped).joined(separator: "  ")),
        ]
        lines += offline == nil ? [("dealer bytes", dealerBytes.grouped)] : offline.lines
        lines += [
            ("peak memory, MiB", peakMemoryBytes.map { ($0 >> 20).grouped }.joined(separator: "  ")),
            (
                "seconds",
                "\(seconds.fixed(3)) (\(prepared)online \(secondsOnline.fixed(3)), planning \(secondsPlan.fixed(3)))"
            ),
        ]
        return lines
    }
}

extension [[OutputReport]] {
    /// Each output once, with the file that somebody has written.
    var joinedOutputs: [OutputReport] {
        var outputs: [OutputReport] = []
        for report in joined() {
            if let place = outputs.firstIndex(where: { $0.name == report.name }) {
                outputs[place].file = outputs[place].file ?? report.file
            } else {
                outputs.append(report)
            }
        }
        return outputs
    }
}
