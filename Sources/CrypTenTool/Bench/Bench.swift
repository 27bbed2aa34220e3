import ArgumentParser
import CrypTen

/// How the members of a benchmark reach each other.
enum BenchTransport: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
    /// Threads of one process, which hand frames over.
    case memory
    /// Processes of this machine, over loopback.
    case tcp
}

/// Workloads, measured on this machine.
struct Bench: Sendable {
    var parties: Int
    var transport: BenchTransport
    /// Of each party and of the dealer.
    var threads: Int
    var repetitions: Int
    /// Whether the clock runs while weights are masked, too.
    var isCold: Bool
    /// Whether reports say where the time went.
    var isProfiled: Bool

    /// Measures one.
    ///
    /// - Throws: the error of the member that failed first.
    func report(of workload: Workload) async throws -> WorkloadReport {
        switch transport {
        case .memory:
            let program = WorkloadProgram(workload: workload, repetitions: repetitions, isCold: isCold)
            var configuration = SessionConfiguration()
            configuration.threads = threads
            let measurements = try await withLocalParties(parties, configuration: configuration) { session in
                try await program.run(on: session)
            }
            return WorkloadReport(workload, self, parties: measurements, dealer: nil)
        case .tcp:
            let members = LocalMembers(
                parties: parties,
                fractionBits: SessionConfiguration().fractionBits,
                threads: threads
            ) { index in
                ["bench-party", workload.name, "--id", "\(index)", "--repeat", "\(repetitions)"]
                    + (isCold ? ["--cold"] : [])
            }
            let reports = try await members.run { layer, fraction in
                ProgressLine.show("\(workload.name)  \(Int(fraction * 100)) %  \(layer ?? "")")
            }
            return WorkloadReport(
                workload,
                self,
                parties: reports.parties.compactMap(\.workload),
                dealer: reports.dealer
            )
        }
    }
}
