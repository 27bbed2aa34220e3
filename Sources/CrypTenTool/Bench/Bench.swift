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
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    var transport: BenchTransport
    /// Whether processes talk over TLS.
    var isTLS = false
    /// In slabs of how many elements gates work.
    var slabBits: Int
    /// Of each party and of the dealer.
    var threads: Int
    /// What members compute on.
    var device: DeviceChoice
    var repetitions: Int
    /// Whether the clock runs while weights are masked, too.
    var isCold: Bool
    /// Whether reports say where the time went.
    var isProfiled: Bool
    /// A network to be played between the processes, and predicted; nil: neither.
    var network: NetworkProfile?

    /// Measures one.
    ///
    /// - Throws: the error of the member that failed first.
    func report(of workload: Workload) async throws -> WorkloadReport {
        switch transport {
        case .memory:
            let program = WorkloadProgram(workload: workload, repetitions: repetitions, isCold: isCold)
            var configuration = SessionConfiguration()
            configuration.slabBits = slabBits
            correlations.apply(to: &configuration)
            Compute(threads: threads, device: device).apply(to: &configuration)
            let measurements = try await withLocalParties(parties, configuration: configuration) { session in
                try await program.run(on: session)
            }
            return WorkloadReport(workload, self, parties: measurements, dealer: nil)
        case .tcp:
            let members = LocalMembers(
                parties: parties,
                fractionBits: SessionConfiguration().fractionBits,
                slabBits: slabBits,
                correlations: correlations,
                compute: Compute(threads: threads, device: device),
                network: network == .loop ? nil : network,
                isTLS: isTLS
            ) { index in
                ["bench-party", workload.name, "--id", "\(index)", "--repeat", "\(repetitions)"]
                    + (isCold ? ["--cold"] : [])
            }
            let reports = try await members.run { layer, fraction in
                ProgressLine.show("\(workload.name)  \(Int(fraction * 100)) %  \(layer ?? "")")
            }
            var report = WorkloadReport(
                workload,
                self,
                parties: reports.parties.compactMap(\.workload),
                dealer: reports.dealer
            )
            if let network { report.predicted = try prediction(of: workload, on: network) }
            if !correlations.hasDealer { report.plannedOffline = try offline(of: workload, on: network ?? .loop) }
            return report
        }
    }

    /// What a workload should cost, from measuring its parts here.
    private func prediction(of workload: Workload, on network: NetworkProfile) throws -> WorkloadReport.Predicted {
        let (rehearsal, results) = try rehearsed(workload)
        let show: @Sendable (Double) -> Void = {
            ProgressLine.show("\(workload.name)  predicting \(Int($0 * 100)) %")
        }
        let run =
            if let profile = try DeviceProfileOptions.measured(device) {
                try rehearsal.measure(keeping: results, on: profile, machines: .shared, progress: show)
            } else {
                try rehearsal.measure(keeping: results, machines: .shared, threads: threads, progress: show)
            }
        return WorkloadReport.Predicted(
            network: network.name,
            seconds: run.prediction(on: network, isRelayed: network != .loop).seconds / workload.openingsMeasured,
            rounds: run.cost.rounds,
            onlineBytesPerParty: run.cost.onlineBytes,
            dealerBytes: correlations.hasDealer ? run.cost.dealerBytes : 0
        )
    }

    /// What making a workload's correlations should take.
    private func offline(of workload: Workload, on network: NetworkProfile) throws -> PlanReport.Offline {
        let (rehearsal, results) = try rehearsed(workload)
        return PlanReport.Offline(try rehearsal.offlineCost(keeping: results), on: network)
    }

    /// A workload's results, on operands that are held.
    private func rehearsed(
        _ workload: Workload
    ) throws -> (Rehearsal, results: [(tensor: CrypTensor, fractionBits: Int?)]) {
        var rehearsal = try Rehearsal(
            parties: parties,
            fractionBits: SessionConfiguration().fractionBits,
            slabBits: slabBits,
            correlations: correlations.provider,
            transferTreeHeight: correlations.transferTreeHeight
        )
        var named: [String: CrypTensor] = [:]
        for operand in workload.operands {
            named[operand.name] =
                operand.isPublic
                ? rehearsal.publicInput(shape: operand.shape, name: operand.name)
                : rehearsal.input(
                    from: PartyID(operand.owner),
                    shape: operand.shape,
                    kind: operand.kind,
                    name: operand.name
                )
        }
        func hold(_ operands: [Workload.Operand], fractionBits: [Int] = []) throws {
            let secret = operands.filter { !$0.isPublic }
            let tensors = secret.map { $0.held(named[$0.name]!) }
            let held =
                fractionBits.isEmpty
                ? try rehearsal.hold(tensors).kept
                : try rehearsal.evaluate(zip(tensors, fractionBits).map { (tensor: $0, fractionBits: $1) }).kept
            for (operand, kept) in zip(secret, held) { named[operand.name] = kept }
        }
        try hold(workload.inputs)
        try hold(workload.weights, fractionBits: workload.fractionBits)
        return (rehearsal, workload.results(workload.body(named)))
    }
}
