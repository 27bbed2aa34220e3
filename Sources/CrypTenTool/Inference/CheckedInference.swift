import CrypTen
import Foundation

/// An inference whose parties are threads of this process, followed in the clear.
struct CheckedInference: Sendable {
    var parties: Int
    var fractionBits: Int
    var threads: Int?
    /// What all parties have.
    var inference: Inference

    /// Runs it.
    ///
    /// - Returns: what was found of each layer, and the outputs' files where no value left its range.
    /// - Throws: what is wrong with the model or a file; a value that leaves its range is in the report.
    func run() async throws -> (check: CheckReport, outputs: [OutputReport]) {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        configuration.threads = threads
        let inference = inference
        let results = try await withInsecureCheckedParties(parties, configuration: configuration) { session in
            try await CheckedInference.run(inference.part(of: session.party), on: session)
        }
        return (results[0].check, results.lazy.compactMap(\.outputs).first ?? [])
    }

    private struct Result: Sendable {
        var check: CheckReport
        var outputs: [OutputReport]?
    }

    private static func run(_ part: Inference, on session: Session) async throws -> Result {
        let found = Found()
        var part = part
        part.reveal = { outputs, recipients, session in
            let check = try await session.check(outputs, revealingTo: recipients)
            await found.put(check)
            return check.values
        }
        let files = part.readFiles(fractionBits: session.configuration.fractionBits)
        let report = try await part.run(files, on: session)
        guard let check = await found.check else { preconditionFailure("an inference reveals its outputs") }
        return Result(check: check, outputs: report.outputs)
    }

    private actor Found {
        private(set) var check: CheckReport?

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
