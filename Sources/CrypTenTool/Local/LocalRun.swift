import CrypTen

/// An inference in processes of this machine.
struct LocalRun: Sendable {
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    var compute = Compute()
    /// How long members wait for one another: options of theirs.
    var deadlines: [String] = []
    var inference: Inference

    /// Runs it.
    ///
    /// - Parameter progress: Told the share that is done and the layer, from party 0.
    /// - Returns: what it cost, by the counters of all processes, and the outputs' files.
    /// - Throws: the error of the process that failed first. No process is left behind either way.
    func run(_ progress: @escaping @Sendable (String?, Double) -> Void) async throws -> InferenceReport {
        let members = LocalMembers(
            parties: parties,
            fractionBits: fractionBits,
            slabBits: slabBits,
            correlations: correlations,
            compute: compute,
            memoryLimit: inference.memoryLimit,
            deadlines: deadlines,
            arguments: partyArguments
        )
        let reports = try await members.run(progress)
        return InferenceReport(parties: reports.parties.compactMap(\.inference), dealer: reports.dealer)
    }

    @Sendable private func partyArguments(_ index: Int) -> [String] {
        let own = inference.part(of: PartyID(index))
        var arguments = ["party", "--supervised", "--id", "\(index)"]
        arguments += own.inputs.flatMap { ["--input", $0.argument] }
        arguments += own.publicInputs.flatMap { ["--public", $0.argument] }
        arguments += own.joins.flatMap { ["--join", $0.argument] } + own.keys.flatMap { ["--key", $0.argument] }
        arguments += own.ranges.flatMap { ["--range", $0.argument] }
        arguments += own.receivers.flatMap { ["--receive", $0.argument] }
        if let directory = own.outputDirectory { arguments += ["--output-dir", directory] }
        if own.prepares { arguments.append("--prepare") }
        if let limit = own.memoryLimit { arguments += ["--memory-limit", "\(limit / 1024)KiB"] }
        if let model = own.model {
            arguments += ["--model", model.argument] + own.visibility.arguments
        }
        if let file = inference.preparedFile {
            switch correlations.provider {
            case .dealer: if index == parties - 1 { arguments += ["--prepared-file", file] }
            case .parties: arguments += ["--prepared-file", "\(file).\(index)"]
            }
        }
        return arguments
    }
}
