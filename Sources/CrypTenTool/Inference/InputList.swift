import CrypTen
import CrypTenONNX
import Foundation

/// What party 0 tells the others of its input files, which input each is for and whether all may see it, and of how it
/// wants the run.
struct InputList: Codable, Sendable {
    struct Entry: Codable, Sendable {
        /// Nil for the first input of the model that isn't named.
        var name: String?
        var isPublic: Bool
    }

    var entries: [Entry]
    /// Whether the run is dealt ahead.
    var prepares: Bool

    init(secret: [NamedFile], public publicFiles: [NamedFile], prepares: Bool) {
        self.prepares = prepares
        entries =
            secret.map { Entry(name: $0.name, isPublic: false) }
            + publicFiles.map { Entry(name: $0.name, isPublic: true) }
    }

    /// The model's input for each entry.
    ///
    /// - Throws: `.invalidArgument` for a name that the model doesn't have, or has twice; the message lists its inputs.
    func names(for model: ONNXModel) throws -> [String] {
        let known = model.inputs.map(\.name)
        var free = known.filter { name in !entries.contains { $0.name == name } }[...]
        var taken: Set<String> = []
        return try entries.map { entry in
            guard let name = entry.name ?? free.popFirst() else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(entries.count) inputs are given, but the model has \(known.count): \(model.inputSummary)"
                )
            }
            guard known.contains(name) else {
                throw CrypTenError(.invalidArgument, "the model has no input '\(name)'; it has \(model.inputSummary)")
            }
            guard taken.insert(name).inserted else {
                throw CrypTenError(.invalidArgument, "input '\(name)' is given twice")
            }
            return name
        }
    }
}

extension ONNXModel {
    /// The inputs with types and shapes, on one line.
    var inputSummary: String {
        let list = inputs.map { input in
            let shape =
                input.dimensions.map { "[" + $0.map(\.description).joined(separator: ", ") + "]" } ?? "of any shape"
            return "\(input.name) \(input.type.rawValue) \(shape)"
        }
        return list.isEmpty ? "none" : list.joined(separator: "; ")
    }
}
