import CrypTen
import CrypTenRing
import Foundation
import Synchronization

/// What the processes of a long session have when they rest: memory and open files must not grow with the runs.
struct SoakReport: Encodable, Sendable {
    /// What one process has at one moment.
    struct Sample: Codable, Sendable {
        var residentBytes: Int
        var openFiles: Int
    }

    /// One process, after a tenth of the runs and after all.
    struct Member: Encodable, Sendable {
        var name: String
        var early: Sample
        var late: Sample

        /// How much more memory it has in the end, of what it had.
        var growth: Double {
            Double(late.residentBytes) / Double(early.residentBytes) - 1
        }
    }

    var system = "swift-crypten"
    var workload: String
    var parties: Int
    var runs: Int
    var seconds: Double
    /// The parties in order, then the dealer.
    var members: [Member]

    /// A line for each process.
    static func table(of reports: [SoakReport]) -> String {
        var table = TextTable(["workload", "process", "runs", "resident KiB", "growth", "open files"])
        for report in reports {
            for member in report.members {
                table.add([
                    report.workload, member.name, "\(report.runs / 10), \(report.runs)",
                    "\((member.early.residentBytes >> 10).grouped), \((member.late.residentBytes >> 10).grouped)",
                    "\((100 * member.growth).fixed(2)) %", "\(member.early.openFiles), \(member.late.openFiles)",
                ])
            }
        }
        return table.text
    }
}

extension SoakReport.Sample {
    /// What a process has now.
    ///
    /// - Throws: `.fileNotReadable` where the system doesn't tell: anywhere but on Linux.
    init(of process: Int32) throws {
        let folder = "/proc/\(process)"
        // `statm` and `status` are wrong by a quarter of a mebibyte where there are two processors: they count in lots.
        guard let lines = try? String(contentsOfFile: "\(folder)/smaps_rollup", encoding: .utf8).split(separator: "\n"),
            let words = lines.first(where: { $0.hasPrefix("Rss:") })?.split(separator: " "), words.count > 1,
            let kibibytes = Int(words[1]),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd")
        else {
            throw CrypTenError(
                .fileNotReadable,
                "what process \(process) has can't be read: --soak needs Linux's /proc"
            )
        }
        residentBytes = kibibytes << 10
        openFiles = files.count
    }
}

extension Bench {
    /// Runs a workload again and again in one session, and looks at all processes when they rest.
    ///
    /// - Throws: the error of the member that failed first; `.fileNotReadable` where processes can't be looked at.
    func soak(_ workload: Workload, runs: Int) async throws -> SoakReport {
        let samples = Mutex<[Result<[(String, SoakReport.Sample)], any Error>]>([])
        var members = LocalMembers(
            parties: parties,
            fractionBits: SessionConfiguration().fractionBits,
            slabBits: slabBits,
            correlations: correlations,
            compute: Compute(threads: threads, device: device)
        ) { index in
            ["bench-party", workload.name, "--id", "\(index)", "--repeat", "1", "--soak", "\(runs)"]
        }
        members.rested = { _, processes in
            let taken = Result { try processes.map { ($0.name, try SoakReport.Sample(of: $0.identifier)) } }
            samples.withLock { $0.append(taken) }
        }
        let start = ContinuousClock.now
        _ = try await members.run { _, _ in }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let taken = try samples.withLock { $0 }.map { try $0.get() }
        guard taken.count == 2 else { preconditionFailure("members rest twice") }
        return SoakReport(
            workload: workload.name,
            parties: parties,
            runs: runs,
            seconds: seconds,
            members: zip(taken[0], taken[1]).map { early, late in
                SoakReport.Member(name: early.0, early: early.1, late: late.1)
            }
        )
    }
}

extension WorkloadProgram {
    /// How long members rest to be looked at: longer than anything is still on its way.
    private static let rest = Duration.seconds(1)

    /// Runs it as an inference, with fresh inputs and a result that is revealed, or as training, whose steps go on from one another's results,
    /// again and again; all parties call it.
    ///
    /// - Parameter rested: Called when all have done a tenth of the runs, and all of them, while they rest.
    func soak(on session: Session, runs: Int, rested: (Int) -> Void) async throws {
        var weights = try await heldWeights(on: session)
        for run in 1...runs {
            let inputs = try await self.inputs(workload.inputs, on: session)
            if workload.fractionBits.isEmpty {
                _ = try await session.reveal(body(inputs, weights), to: .party(Self.judge.index))
            } else {
                let results = try await evaluated(body(inputs, weights), on: session)
                try await session.release(
                    workload.weights.isEmpty ? results : workload.weights.compactMap { weights[$0.name] }
                )
                for (weight, result) in zip(workload.weights, results) { weights[weight.name] = result }
            }
            guard run == runs / 10 || run == runs else { continue }
            try await meet(on: session)
            try await Task.sleep(for: Self.rest / 2)
            ProcessMemory.giveBackFreed()
            rested(run)
            try await Task.sleep(for: Self.rest / 2)
            try await meet(on: session)
        }
    }
}
