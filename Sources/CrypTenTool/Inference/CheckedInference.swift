import CrypTen
import Foundation

/// An inference whose parties are threads of this process, followed in the clear.
struct CheckedInference: Sendable {
    var parties: Int
    var fractionBits: Int
    var threads: Int?
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
        configuration.threads = threads
        let (inference, wantedError) = (inference, wantedError)
        let results = try await withInsecureCheckedParties(parties, configuration: configuration) { session in
            try await CheckedInference.run(inference.part(of: session.party), wantedError, on: session)
        }
        var result = results[0]
        result.losses = results.flatMap(\.losses)
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
        part.reveal = { outputs, recipients, session in
            // What it costs is said before it runs: a plan is made once.
            await found.put(try await session.cost(of: outputs, revealingTo: recipients))
            let check = try await session.check(outputs, revealingTo: recipients, wantedError: wantedError)
            await found.put(check)
            return check.values
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
    fileprivate func part(of party: PartyID) -> Inference {
        var part = self
        if party != Inference.inputOwner {
            (part.inputs, part.publicInputs, part.ranges, part.outputDirectory) = ([], [], [], nil)
        }
        if party != Inference.modelOwner { (part.model, part.secret, part.open) = (nil, [], []) }
        return part
    }
}
