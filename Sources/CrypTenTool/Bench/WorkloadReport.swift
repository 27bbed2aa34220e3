import CrypTen
import Foundation

/// What one party has measured of a workload.
struct WorkloadMeasurement: Codable, Sendable {
    /// Of each repetition, from when all parties are there to the result held.
    var seconds: [Double]
    /// The same of repetitions that the dealer had dealt before.
    var secondsOnline: [Double]
    var secondsPlan: Double
    var onlineBytes: Int
    var setupBytes: Int
    /// What it got from the dealer.
    var dealerBytes: Int
    /// What one run's correlations took, where there was no dealer.
    var offline: OfflineReport?
    var rounds: Int
    /// At the party that learned the result.
    var maxAbsError: Double?
    /// Of a bare exchange, where the workload is compared with it.
    var bareSeconds: Double?
    var peakMemoryBytes = 0
    /// Of all repetitions.
    var work = WorkTimes()
}

/// What all have measured of a workload: a line of `crypten bench`.
struct WorkloadReport: Encodable, Sendable {
    var system = "swift-crypten"
    var workload: String
    var parties: Int
    var transport: BenchTransport
    var threads: Int
    /// The median over repetitions of the slowest party's time, the making of correlations included, whoever makes them.
    var seconds: Double
    /// Of all repetitions, in order.
    var runs: [Double]
    /// The median of as many repetitions that the dealer had dealt before.
    var secondsOnline: Double
    var secondsPlan: Double
    var onlineBytesPerParty: [Int]
    /// The largest of them.
    var bytes: Int
    var setupBytesPerParty: [Int]
    var dealerBytes: Int
    /// What the parties made themselves for one run, where there was no dealer.
    var offline: OfflineReport?
    var rounds: Int
    var maxAbsErr: Double
    /// Of a bare exchange over TCP, where the workload is compared with it, and how many times as long an opening takes.
    var pingPongSeconds: Double?
    var timesPingPong: Double?
    /// Of each party's process, and of the dealer's; in one process, of that.
    var peakMemoryBytes: [Int]
    /// Where the time of all repetitions went, by member, in processes of their own the dealer last; `--profile`.
    var profile: [WorkTimes]?
    /// What was predicted for the network that was played.
    var predicted: Predicted?
    /// What making the correlations was planned to take, where there was no dealer.
    var plannedOffline: PlanReport.Offline?

    struct Predicted: Encodable, Sendable {
        var network: String
        var seconds: Double
        var rounds: Int
        var onlineBytesPerParty: [Int]
        var dealerBytes: Int
    }

    init(_ workload: Workload, _ bench: Bench, parties: [WorkloadMeasurement], dealer: DealerReport?) {
        self.workload = workload.name
        self.parties = parties.count
        transport = bench.transport
        threads = bench.threads
        func slowest(_ series: (WorkloadMeasurement) -> [Double]) -> [Double] {
            (0..<bench.repetitions).map { index in
                (parties.map { series($0)[index] }.max() ?? 0) / workload.openingsMeasured
            }
        }
        runs = slowest(\.seconds)
        seconds = runs.median
        secondsOnline = slowest(\.secondsOnline).median
        secondsPlan = parties.map(\.secondsPlan).max() ?? 0
        onlineBytesPerParty = parties.map(\.onlineBytes)
        bytes = onlineBytesPerParty.max() ?? 0
        setupBytesPerParty = parties.map(\.setupBytes)
        dealerBytes = parties.reduce(0) { $0 + $1.dealerBytes }
        offline = .joined(parties.map(\.offline))
        rounds = parties.map(\.rounds).max() ?? 0
        maxAbsErr = parties.lazy.compactMap(\.maxAbsError).first ?? .nan
        pingPongSeconds = parties.lazy.compactMap(\.bareSeconds).first
        timesPingPong = pingPongSeconds.map { [seconds] in seconds / $0 }
        peakMemoryBytes =
            bench.transport == .tcp
            ? parties.map(\.peakMemoryBytes) + [dealer?.peakMemoryBytes].compactMap(\.self)
            : [parties.map(\.peakMemoryBytes).max() ?? 0]
        if bench.isProfiled { profile = parties.map(\.work) + (dealer.map { [$0.work] } ?? []) }
    }
}

extension [Double] {
    /// The middle one, or the mean of the two in the middle; of none, not a number.
    var median: Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}

extension PlanReport.Offline {
    /// Whether what was measured is what was planned.
    fileprivate func note(beside made: OfflineReport) -> String {
        let isEqual =
            bytesPerParty == made.bytesPerParty && exchanges == made.exchanges && transfers == made.transfers
        return
            "; planned: about \(seconds.significant(4)) s on \(network), bytes and transfers \(isEqual ? "equal" : "differ")"
    }
}

extension WorkloadReport {
    /// A line for each workload.
    static func table(of reports: [WorkloadReport]) -> String {
        var table = TextTable([
            "workload", "seconds", "online", "planning", "rounds", "online bytes", "setup bytes", "dealer bytes",
            "largest error",
            "peak MiB",
        ])
        for report in reports {
            table.add([
                report.workload, report.seconds.significant(4), report.secondsOnline.significant(4),
                report.secondsPlan.significant(3),
                report.rounds.grouped,
                report.bytes.grouped, (report.setupBytesPerParty.max() ?? 0).grouped, report.dealerBytes.grouped,
                report.maxAbsErr.significant(3), ((report.peakMemoryBytes.max() ?? 0) >> 20).grouped,
            ])
        }
        let notes = reports.compactMap { report -> String? in
            guard let bare = report.pingPongSeconds, let times = report.timesPingPong else { return nil }
            return
                "\(report.workload): an opening takes \(times.fixed(2)) times a bare exchange of \(bare.significant(3)) s"
        }
        let predictions = reports.compactMap { report -> String? in
            guard let predicted = report.predicted else { return nil }
            let isEqual =
                predicted.rounds == report.rounds && predicted.onlineBytesPerParty == report.onlineBytesPerParty
                && predicted.dealerBytes == report.dealerBytes
            // Without a dealer it is predicted of runs whose correlations have been made.
            let measured = report.offline == nil ? report.seconds : report.secondsOnline
            return """
                \(report.workload) on \(predicted.network): predicted \(predicted.seconds.significant(4)) s\
                \(report.offline == nil ? "" : " online"), measured \
                \(measured.significant(4)) s (\((100 * (predicted.seconds / measured - 1)).fixed(0)) %); rounds and \
                bytes \(isEqual ? "equal" : "differ")
                """
        }
        let profiles = reports.compactMap { report in
            report.profile.map {
                "\n\(report.workload)\n" + WorkTable.text($0, hasDealer: $0.count > report.parties)
            }
        }
        let offline = reports.compactMap { report -> String? in
            guard let offline = report.offline else { return nil }
            return """
                \(report.workload): made without a dealer in \(offline.seconds.significant(4)) s, \(offline.exchanges) exchanges; \
                \((offline.bytesPerParty.max() ?? 0).grouped) bytes a party, \(offline.transfers.grouped) correlated transfers\
                \(report.plannedOffline.map { $0.note(beside: offline) } ?? "")
                """
        }
        return ([table.text] + notes + offline + predictions + profiles).joined(separator: "\n")
    }
}
