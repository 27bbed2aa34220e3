import CrypTen
import CrypTenONNX
import CrypTenRing
import Foundation

/// The program that every party of an inference runs: party 0 has the inputs, party 1 the model.
struct Inference: Sendable {
    /// The party that has the inputs and learns the outputs.
    static let inputOwner = PartyID(0)
    /// The party that has the model.
    static let modelOwner = PartyID(1)

    /// At party 1.
    var model: String?
    /// Constants that are secret against the rule; at party 1.
    var secret: Set<String> = []
    /// Constants that are public against the rule; at party 1.
    var open: Set<String> = []
    /// At party 0.
    var inputs: [NamedFile] = []
    /// At party 0; sent to all.
    var publicInputs: [NamedFile] = []
    /// Where party 0 writes the outputs; nil: nowhere.
    var outputDirectory: String?
    /// At party 0: whether the run is dealt before it starts.
    var prepares = false
    /// At the last party: where it stores what was dealt ahead; nil: in memory.
    var preparedFile: String?

    /// The files of a party, read; what is wrong with them is told to all once they are connected.
    struct Files: Sendable {
        fileprivate var tensors: Result<[Tensor], any Error>
        fileprivate var model: Result<ONNXModel, any Error>?
    }

    /// Reads what this party has, before it meets the others.
    func readFiles(fractionBits: Int) -> Files {
        let limit = FixedPoint.limit(fractionBits: fractionBits)
        return Files(
            tensors: Result {
                try OutputFiles(directory: outputDirectory).prepare()
                return try inputs.map { try $0.tensor(below: limit) }
                    + publicInputs.map { try $0.tensor(below: .infinity) }
            },
            model: model.map { path in
                Result { try ONNXModel(contentsOf: URL(fileURLWithPath: path), secret: secret, open: open) }
            }
        )
    }

    /// Runs the inference; all parties call it.
    func run(_ files: Files, on session: Session) async throws -> PartyReport {
        let list = try await session.broadcast(from: Inference.inputOwner) {
            _ = try files.tensors.get()
            return Array(try JSONEncoder().encode(InputList(secret: inputs, public: publicInputs, prepares: prepares)))
        }
        // Everybody is connected, and inputs are loaded.
        let start = ContinuousClock.now
        let entries = try JSONDecoder().decode(InputList.self, from: Data(list))
        let announced = try await session.announce(from: Inference.modelOwner) {
            guard let model = files.model else {
                throw CrypTenError(.invalidArgument, "\(Inference.modelOwner) has no model: give it --model")
            }
            return try model.get()
        }
        let arguments = try await arguments(entries, files, announced.model, session)
        // What doesn't fit is found here, before anything of the inputs or weights is sent.
        _ = try call(announced, arguments)
        let module = try await session.hold(announced)
        let outputs = try call(module, arguments)
        let recipients = Recipients.party(Inference.inputOwner.index)
        if entries.prepares {
            let storage = preparedFile.map { PreparedStorage.file(URL(fileURLWithPath: $0)) } ?? .memory
            try await session.prepare(outputs, revealingTo: recipients, runs: 1, storage: storage)
        } else if preparedFile != nil {
            throw CrypTenError(
                .invalidArgument,
                "--prepared-file has nothing to store: \(Inference.inputOwner) doesn't --prepare"
            )
        }
        let values = try await session.reveal(outputs, to: recipients)
        let seconds = ContinuousClock.now - start
        var report = PartyReport(try await session.statistics, seconds: seconds)
        if session.party == Inference.inputOwner, let values { report.outputs = try write(values, of: module.model) }
        return report
    }

    private struct Arguments {
        var tensors: [String: CrypTensor] = [:]
        var publicValues: [String: Tensor] = [:]
    }

    private func arguments(
        _ list: InputList,
        _ files: Files,
        _ model: ONNXModel,
        _ session: Session
    ) async throws -> Arguments {
        var arguments = Arguments()
        let names = try list.names(for: model)
        for (index, entry) in list.entries.enumerated() {
            let name = names[index]
            let load: @Sendable () throws -> Tensor = { try files.tensors.get()[index] }
            guard entry.isPublic else {
                arguments.tensors[name] = try await session.input(from: Inference.inputOwner, name: name, load)
                continue
            }
            let (expression, value) = try await session.publicInput(from: Inference.inputOwner, name: name, load)
            if model.inputs.contains(where: { $0.name == name && $0.mustBeKnown }) {
                arguments.publicValues[name] = value
            } else {
                arguments.tensors[name] = expression
            }
        }
        return arguments
    }

    /// The outputs in the model's order.
    private func call(_ module: ONNXModule, _ arguments: Arguments) throws -> [CrypTensor] {
        do {
            let outputs = try module(arguments.tensors, publicValues: arguments.publicValues)
            return module.model.outputs.compactMap { outputs[$0.name] }
        } catch var error as CrypTenError {
            // The others don't know file names.
            let names =
                (try? InputList(secret: inputs, public: publicInputs, prepares: prepares).names(for: module.model))
                ?? []
            for (name, file) in zip(names, inputs + publicInputs) where error.message.contains("input '\(name)'") {
                error.message += "; '\(name)' is read from \(file.path)"
            }
            throw error
        }
    }

    private func write(_ values: [Tensor], of model: ONNXModel) throws -> [OutputReport] {
        try OutputFiles(directory: outputDirectory).write(
            zip(model.outputs, values).map { ($0.name, $1.converted(to: $0.type)) }
        )
    }
}
