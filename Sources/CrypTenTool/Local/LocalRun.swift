import CrypTen

/// An inference in processes of this machine.
struct LocalRun: Sendable {
    var parties: Int
    var fractionBits: Int
    /// Threads of each process.
    var threads: Int?
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
            threads: threads,
            memoryLimit: inference.memoryLimit,
            deadlines: deadlines,
            arguments: partyArguments
        )
        let reports = try await members.run(progress)
        return InferenceReport(parties: reports.parties.compactMap(\.inference), dealer: reports.dealer)
    }

    @Sendable private func partyArguments(_ index: Int) -> [String] {
        var arguments = ["party", "--supervised", "--id", "\(index)"]
        if index == Inference.inputOwner.index {
            arguments += inference.inputs.flatMap { ["--input", $0.argument] }
            arguments += inference.publicInputs.flatMap { ["--public", $0.argument] }
            arguments += inference.ranges.flatMap { ["--range", $0.argument] }
            if let directory = inference.outputDirectory { arguments += ["--output-dir", directory] }
            if inference.prepares { arguments.append("--prepare") }
            if let limit = inference.memoryLimit { arguments += ["--memory-limit", "\(limit / 1024)KiB"] }
        }
        if index == Inference.modelOwner.index {
            if let model = inference.model { arguments += ["--model", model] }
            arguments += inference.secret.sorted().flatMap { ["--secret", $0] }
            arguments += inference.open.sorted().flatMap { ["--open", $0] }
            if inference.weightExponents { arguments.append("--weight-exponents") }
        }
        if index == parties - 1, let file = inference.preparedFile { arguments += ["--prepared-file", file] }
        return arguments
    }
}
