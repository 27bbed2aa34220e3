import CrypTen
import CrypTenONNX
import Foundation

extension Training {
    /// What becomes of examples before they are trained with, in secret.
    struct Preparation: Codable, Equatable, Sendable {
        /// Inputs whose columns are brought to mean 0 and deviation 1.
        var standardized: [String] = []
        /// Whether rows are put into an order that no party knows.
        var isShuffled = false

        /// In words.
        var summary: String {
            [
                standardized.isEmpty ? "" : "standardised \(standardized.joined(separator: ", "))",
                isShuffled ? "shuffled in secret" : "",
            ].filter { !$0.isEmpty }.joined(separator: ", ")
        }
    }

    /// Which of the model's inputs are standardised, by place.
    ///
    /// - Throws: `.invalidArgument` for a name that the model doesn't have, and for an input of whole numbers.
    func standardizedInputs(of model: ONNXModel) throws -> [Int] {
        try preparation.standardized.map { name in
            guard let place = model.inputs.firstIndex(where: { $0.name == name }) else {
                throw CrypTenError(
                    .invalidArgument,
                    "--standardize \(name): the model has no such input; it has \(model.inputs.map(\.name).joined(separator: ", "))"
                )
            }
            guard model.inputs[place].type.kind == .real, model.words[name] == nil else {
                throw CrypTenError(
                    .invalidArgument,
                    "--standardize \(name): it takes whole numbers, as those of words, which have no mean that says anything"
                )
            }
            return place
        }
    }

    /// Examples, and those of a test, with what is to be standardised so, and by what; what isn't stays as it is.
    func standardized(
        _ examples: [CrypTensor],
        test: [CrypTensor]?,
        of model: ONNXModel,
        on session: Session
    ) async throws -> (examples: [CrypTensor], test: [CrypTensor]?, scales: [(input: String, scale: Standardization)]) {
        var (examples, test) = (examples, test)
        var scales: [(input: String, scale: Standardization)] = []
        for place in try standardizedInputs(of: model) {
            progress("standardising \(model.inputs[place].name)", 0)
            let held = try await session.hold([examples[place]])
            let scale = try await Standardization(of: held[0], on: session)
            examples[place] = try await scale.apply(to: held[0], on: session)
            if let rows = test?[place] { test?[place] = try await scale.apply(to: rows, on: session) }
            try await session.release(held)
            scales.append((model.inputs[place].name, scale))
        }
        return (examples, test, scales)
    }

    /// Tells who gets the network by what its inputs were standardised, in files beside it: `trained.x-mean.npy`, `trained.x-deviation.npy`.
    func export(
        _ scales: [(input: String, scale: Standardization)],
        to report: inout TrainingPartyReport,
        _ session: Session
    ) async throws {
        for part in exports {
            for (input, scale) in scales {
                let recipient = Recipients.party(part.owner.index)
                let told = try await session.reveal([scale.means, scale.deviations], to: recipient)
                guard let told else { continue }
                let place = URL(fileURLWithPath: part.file.path).deletingPathExtension().path
                let name = input.replacingOccurrences(of: "/", with: "_")
                for (what, tensor) in zip(["mean", "deviation"], told) {
                    let path = "\(place).\(name)-\(what).npy"
                    try tensor.write(toNumpyFile: URL(fileURLWithPath: path))
                    report.exports.append(path)
                }
            }
        }
    }

    /// A data set, with its rows in an order that no party knows where that is asked for.
    func shuffled(_ data: TensorDataset, on session: Session) async throws -> TensorDataset {
        guard preparation.isShuffled else { return data }
        progress("shuffling \(data.count.grouped) rows", 0)
        let shuffled = try await data.shuffled(on: session)
        try await data.release(on: session)
        return shuffled
    }
}
