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
        /// What a secret input has, where slices of it may have to be planned.
        var shape: Shape?
        var isReal: Bool?

        var kind: ElementKind {
            isReal ?? true ? .real : .integer
        }
    }

    var entries: [Entry]
    /// Whether the run is dealt ahead.
    var prepares: Bool
    /// The bytes that no process may go beyond; nil: whatever a run takes.
    var memoryLimit: Int?
    /// Ranges of secret inputs that all may know.
    var ranges: [NamedRange] = []

    init(secret: [NamedFile], public publicFiles: [NamedFile], prepares: Bool = false, ranges: [NamedRange] = []) {
        self.prepares = prepares
        self.ranges = ranges
        entries =
            secret.map { Entry(name: $0.name, isPublic: false) }
            + publicFiles.map { Entry(name: $0.name, isPublic: true) }
    }

    /// Has everybody know that no process may go beyond `limit`, and the shapes that this depends on.
    mutating func bound(to limit: Int, _ tensors: [Tensor]) {
        memoryLimit = limit
        for index in entries.indices where !entries[index].isPublic {
            entries[index].shape = tensors[index].shape
            entries[index].isReal = tensors[index].kind == .real
        }
    }

    /// The model's input for each entry.
    ///
    /// - Throws: `.invalidArgument` for a name that the model doesn't have, or has twice; the message lists its inputs.
    func names(for model: ONNXModel) throws -> [String] {
        let known = model.inputs.map(\.name)
        try RangeOptions.check(
            ranges,
            inputs: known,
            known: entries.filter { $0.isPublic }.compactMap(\.name),
            summary: model.inputSummary
        )
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
