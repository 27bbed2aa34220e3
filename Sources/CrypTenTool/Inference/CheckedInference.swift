import CrypTen
import CrypTenONNX
import Foundation

/// An inference whose parties are threads of this process, followed in the clear.
struct CheckedInference: Sendable {
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    var compute = Compute()
    /// How far outputs may be from the true ones, as a part of their largest number.
    var wantedError = CheckReport.usualWantedError
    /// What all parties have.
    var inference: Inference

    /// Runs it.
    ///
    /// - Returns: what was found of each layer, what it costs, and the outputs' files where no value left its range.
    /// - Throws: what is wrong with the model or a file; a value that leaves its range is in the report.
    func run() async throws -> Result {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        configuration.slabBits = slabBits
        correlations.apply(to: &configuration)
        compute.apply(to: &configuration)
        let (inference, wantedError) = (inference, wantedError)
        let results = try await withInsecureCheckedParties(parties, configuration: configuration) { session in
            try await CheckedInference.run(inference.part(of: session.party), wantedError, on: session)
        }
        var result = results[0]
        result.losses = results.flatMap(\.losses)
        result.outputs = results.map(\.outputs).joinedOutputs
        // An output that several learn one by one is there as often.
        var place = 0
        result.check.outputErrors = result.outputs.compactMap { output in
            defer { place += output.parties.count == parties ? 1 : output.parties.count }
            return place < result.check.outputErrors.count ? .some(result.check.outputErrors[place]) : nil
        }
        return result
    }

    struct Result: Sendable {
        var check: CheckReport
        var cost: Cost
        var outputs: [OutputReport]
        /// Of inputs and weights.
        var losses: [EncodingLoss]
    }

    private static func run(_ part: Inference, _ wantedError: Double, on session: Session) async throws -> Result {
        let found = Found()
        var part = part
        part.writesOnce = true
        part.reveal = { reveals, session in
            // What it costs is said before it runs: a plan is made once.
            await found.put(try await session.cost(of: reveals))
            let (check, values) = try await session.check(reveals, wantedError: wantedError)
            await found.put(check)
            return values ?? reveals.map { _ in nil }
        }
        let files = part.readFiles(fractionBits: session.configuration.fractionBits)
        let report = try await part.run(files, on: session)
        guard let check = await found.check, let cost = await found.cost else {
            preconditionFailure("an inference reveals its outputs")
        }
        return Result(check: check, cost: cost, outputs: report.outputs ?? [], losses: report.losses ?? [])
    }

    private actor Found {
        private(set) var check: CheckReport?
        private(set) var cost: Cost?

        func put(_ price: Cost) {
            cost = price
        }

        func put(_ report: CheckReport) {
            check = report
        }
    }
}

extension Inference {
    /// What one party has of it.
    func part(of party: PartyID) -> Inference {
        var part = self
        part.inputs = inputs.filter { $0.owner == party }
        part.publicInputs = publicInputs.filter { $0.owner == party }
        part.keys = keys.filter { $0.owner == party }
        if model?.owner != party {
            (part.model, part.visibility) = (nil, ModelVisibility())
        }
        if party != PartyID(0) { (part.prepares, part.memoryLimit) = (false, nil) }
        if !receives(party) { part.outputDirectory = nil }
        return part
    }

    /// Whether a party may learn an output.
    func receives(_ party: PartyID) -> Bool {
        if receivers.isEmpty { return party == Inference.inputOwner }
        return receivers.contains { $0.parties?.contains(party.index) ?? true }
    }
}
