import CrypTen
import CrypTenONNX

/// What one party has of something.
protocol Owned: Sendable {
    var owner: PartyID { get }
}

/// A tensor, or a model, that a party has in a file.
struct Part: Owned, Hashable {
    var file: NamedFile
    var owner: PartyID

    /// How it stands on a command line.
    var argument: String { OwnedFile(file: file, owner: owner).argument }
}

/// An input of a model, and what parties have of it.
struct JoinedInput<Piece: Owned>: Sendable {
    var input: ONNXModel.Input
    /// In the order in which they are joined.
    var parts: [Piece]
    /// Nil where one party has all of it.
    var way: NamedJoin.Way?
    /// Whether words are counted in it.
    var isCounted: Bool

    /// Whether parts are added up: counts of texts that are side by side.
    var isSum: Bool { isCounted && way?.axis == 1 }

    /// All of it.
    ///
    /// - Throws: `.shapeMismatch` where parts don't fit, naming their owners.
    func joined(_ tensors: [CrypTensor], rank: Int? = nil) throws -> CrypTensor {
        guard let way else { return tensors[0] }
        let axis = way.axis < 0 ? way.axis + (rank ?? tensors[0].rank) : way.axis
        let whole = isSum ? tensors.dropFirst().reduce(tensors[0]) { $0 + $1 } : concatenate(tensors, axis: axis)
        if whole.error == nil, !isSum || tensors.allSatisfy({ $0.shape == tensors[0].shape }) { return whole }
        let kinds = Set(tensors.map(\.kind)).count > 1 ? ", and of whole and real numbers," : ""
        throw mismatch(tensors.map(\.shape), kinds)
    }

    /// Parts that don't fit.
    func mismatch(_ shapes: [Shape], _ more: String = "") -> CrypTenError {
        let list = zip(parts, shapes).map { "\($1) of \($0.owner)" }
        return CrypTenError(
            .shapeMismatch,
            "input '\(input.name)': parts of shapes \(list.joined(separator: " and "))\(more) can't be joined \(way?.words ?? "")"
        )
    }

    /// What parties have of each input of a model, in its order.
    ///
    /// - Parameters:
    ///   - pieces: With the input that each is of, in the order in which they are given.
    ///   - joins: How several of one input are put together.
    ///   - kind: What they are, in errors.
    ///   - isWhole: Whether a model's input of which nobody has anything is an error; it is left out otherwise.
    /// - Throws: `.invalidArgument` where it isn't said how several are put together, or in an order of other parties.
    static func all(
        of model: ONNXModel,
        _ pieces: [(name: String, piece: Piece)],
        joins: [NamedJoin],
        kind: String,
        isWhole: Bool = true
    ) throws -> [JoinedInput] {
        let names = Set(model.inputs.map(\.name))
        if let join = joins.first(where: { $0.name.map { !names.contains($0) } ?? false }) {
            throw CrypTenError(.invalidArgument, "--join \(join.argument): the model has no such input")
        }
        return try model.inputs.compactMap { input in
            let own = pieces.filter { $0.name == input.name }.map(\.piece)
            if own.isEmpty {
                if !isWhole { return nil }
                throw CrypTenError(.invalidArgument, "there is no \(kind) '\(input.name)', which the model takes")
            }
            let join = joins.first { $0.name == input.name } ?? joins.first { $0.name == nil }
            if own.count > 1, join == nil {
                let owners = Set(own.map(\.owner)).count
                throw CrypTenError(
                    .invalidArgument,
                    """
                    \(owners == 1 ? "\(own[0].owner) has \(own.count)" : "\(own.count) parties have") parts of \(kind) '\(input.name)': \
                    say whether they are rows or columns, --join \(input.name)=rows
                    """
                )
            }
            return JoinedInput(
                input: input,
                parts: own.count > 1 ? try ordered(own, join) : own,
                way: own.count > 1 ? join?.way : nil,
                isCounted: model.words[input.name]?.isCounted ?? false
            )
        }
    }

    /// Parts in the order that a join says, where it says one.
    private static func ordered(_ parts: [Piece], _ join: NamedJoin?) throws -> [Piece] {
        guard let join, let order = join.order else { return parts }
        var rest = parts
        let sorted = order.compactMap { party -> Piece? in
            rest.firstIndex { $0.owner.index == party }.map { rest.remove(at: $0) }
        }
        guard sorted.count == parts.count, order.count == parts.count else {
            let owners = parts.map { "\($0.owner.index)" }.joined(separator: ", ")
            throw CrypTenError(
                .invalidArgument,
                "--join \(join.argument): the order names each part's party once, and parts are those of parties \(owners)"
            )
        }
        return sorted
    }
}
