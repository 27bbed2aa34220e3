import CrypTen
import CrypTenONNX
import Foundation

/// What a party tells the others before a run: which inputs it has tensors for and of which shapes, whether it has the model, and how it
/// wants the run. Of numbers nothing.
struct Holdings: Codable, Sendable {
    /// A tensor.
    struct Entry: Codable, Sendable {
        /// Nil for the first input of the model that isn't named.
        var name: String?
        var isPublic = false
        var shape: [Int]
        var isReal: Bool
    }

    /// Keys of rows.
    struct Keys: Codable, Sendable {
        /// The input whose rows they are of; nil for the one that is joined.
        var name: String?
        var count: Int
    }

    var hasModel = false
    var entries: [Entry] = []
    var keys: [Keys] = []
    var joins: [NamedJoin] = []
    /// Ranges of secret inputs that all may know.
    var ranges: [NamedRange] = []
    /// Who learns which output; none: party 0 all of them.
    var receivers: [OutputReceiver] = []
    /// Whether the correlations are made before the run: party 0 says so, and others may repeat it.
    var prepares = false
    /// Whether this party stores in a file what is made ahead.
    var storesPrepared = false
    /// At party 0: the bytes that no process may go beyond; nil: whatever a run takes.
    var memoryLimit: Int?

    var bytes: [UInt8] {
        get throws { Array(try JSONEncoder().encode(self)) }
    }

    /// What a peer has told.
    ///
    /// - Throws: `.malformedFrame` for what can't be read, or names shapes that there aren't.
    init(told bytes: [UInt8], by party: PartyID) throws {
        guard let told = try? JSONDecoder().decode(Holdings.self, from: Data(bytes)),
            told.entries.allSatisfy({ (try? Shape(checking: $0.shape)) != nil }),
            told.keys.allSatisfy({ $0.count >= 0 }), told.joins.allSatisfy({ (-64..<64).contains($0.way.axis) })
        else { throw CrypTenError(.malformedFrame, "\(party) says in a way that can't be read what it has") }
        self = told
    }

    init() {}
}

/// What all parties have, put together: the same at every party.
struct Arrangement: Sendable {
    /// A tensor of a party.
    struct Piece: Owned {
        var owner: PartyID
        /// Its place among the tensors that its owner has.
        var index: Int
        var name: String?
        var isPublic: Bool
        var shape: Shape
        var kind: ElementKind
    }

    var parties: Int
    var modelOwner: PartyID
    var pieces: [Piece] = []
    var keys: [(owner: PartyID, index: Int, keys: Holdings.Keys)] = []
    var joins: [NamedJoin] = []
    var ranges: [NamedRange] = []
    var receivers: [OutputReceiver] = []
    var prepares: Bool
    var memoryLimit: Int?

    /// Puts together what the parties have told, in their order.
    ///
    /// - Throws: `.invalidArgument` where none has a model, or several; `.diverged` where they were told different things.
    init(_ told: [Holdings]) throws {
        parties = told.count
        let owners = told.indices.filter { told[$0].hasModel }.map { PartyID($0) }
        guard owners.count == 1 else {
            throw CrypTenError(
                .invalidArgument,
                owners.isEmpty
                    ? "no party has a model: give one --model"
                    : "\(owners.map(\.description).joined(separator: " and ")) have a model: --model is one party's"
            )
        }
        modelOwner = owners[0]
        (prepares, memoryLimit) = (told[0].prepares, told[0].memoryLimit)
        for (index, holdings) in told.enumerated() {
            for (place, entry) in holdings.entries.enumerated() {
                pieces.append(
                    Piece(
                        owner: PartyID(index),
                        index: place,
                        name: entry.name,
                        isPublic: entry.isPublic,
                        shape: try Shape(checking: entry.shape),
                        kind: entry.isReal ? .real : .integer
                    )
                )
            }
            keys += holdings.keys.enumerated().map { (PartyID(index), $0, $1) }
            try add(holdings.joins, \.joins, index, "--join") { $0.name }
            try add(holdings.ranges, \.ranges, index, "--range") { $0.name }
        }
        try Arrangement.checkPreparation(told)
        // Who learns an output is for all parties to agree on.
        receivers = told[0].receivers
        if let other = told.firstIndex(where: { Set($0.receivers) != Set(receivers) }) {
            func words(_ receivers: [OutputReceiver]) -> String {
                receivers.isEmpty ? "nothing" : receivers.map { "--receive \($0.argument)" }.joined(separator: " ")
            }
            throw CrypTenError(
                .diverged,
                """
                \(PartyID(0)) was told \(words(receivers)), and \(PartyID(other)) \(words(told[other].receivers)): who learns an output all \
                parties are told alike
                """
            )
        }
    }

    /// - Throws: `.diverged` where party 0 makes nothing ahead of the run, and another option of it or of another party needs that it does.
    private static func checkPreparation(_ told: [Holdings]) throws {
        guard !told[0].prepares, let index = told.firstIndex(where: { $0.prepares || $0.storesPrepared }) else {
            return
        }
        let options = [told[index].prepares ? "--prepare" : nil, told[index].storesPrepared ? "--prepared-file" : nil]
        let list = options.compactMap { $0 }.joined(separator: " and ")
        let (first, other) = (PartyID(0), PartyID(index))
        throw CrypTenError(
            .diverged,
            """
            \(other) was told \(list)\(index == 0 ? " and" : ", and \(first)") not --prepare: nothing would be made ahead of the run; give \(first) --prepare, which \
            all parties follow, or leave out \(list) at \(other)
            """
        )
    }

    /// Adds what one party says to what others have said: of one input all say the same, or nothing.
    private mutating func add<Item: Equatable & ToldByArgument>(
        _ items: [Item],
        _ list: WritableKeyPath<Arrangement, [Item]>,
        _ party: Int,
        _ option: String,
        name: (Item) -> String?
    ) throws {
        let others = self[keyPath: list]
        for item in items {
            // What a party says twice itself is found where all of it is looked at.
            guard let known = others.first(where: { name($0) == name(item) }) else {
                self[keyPath: list].append(item)
                continue
            }
            guard others.contains(item) else {
                throw CrypTenError(
                    .diverged,
                    "\(PartyID(party)) was told \(option) \(item.argument), and another party \(option) \(known.argument): of one input all are told the same"
                )
            }
        }
    }

    /// What parties have of each input of the model, in its order.
    ///
    /// - Throws: `.invalidArgument` for a name that the model doesn't have, or has twice; the message lists its inputs.
    func inputs(of model: ONNXModel) throws -> [JoinedInput<Piece>] {
        let known = model.inputs.map(\.name)
        let names = try names(for: model)
        try RangeOptions.check(
            ranges,
            inputs: known,
            known: zip(names, pieces).filter { $0.1.isPublic }.map(\.0),
            summary: model.inputSummary
        )
        return try JoinedInput.all(
            of: model,
            zip(names, pieces).map { (name: $0, piece: $1) },
            joins: joins,
            kind: "input",
            isWhole: false
        )
    }

    /// The model's input for each piece.
    private func names(for model: ONNXModel) throws -> [String] {
        let known = model.inputs.map(\.name)
        let unnamed = pieces.filter { $0.name == nil }
        if Set(unnamed.map(\.owner)).count > 1, known.count > 1 {
            throw CrypTenError(
                .invalidArgument,
                "several parties have inputs without a name: name them, as in \(known[0])=FILE@0; the model has \(model.inputSummary)"
            )
        }
        let isJoined = known.count == 1 && !joins.isEmpty
        var free = known.filter { name in !pieces.contains { $0.name == name } }[...]
        let names = try pieces.map { piece -> String in
            let name = piece.name ?? (isJoined ? known[0] : free.popFirst())
            guard let name else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(pieces.count) inputs are given, but the model has \(known.count): \(model.inputSummary)"
                )
            }
            guard known.contains(name) else {
                throw CrypTenError(.invalidArgument, "the model has no input '\(name)'; it has \(model.inputSummary)")
            }
            return name
        }
        for name in Set(names).sorted() {
            let own = zip(names, pieces).filter { $0.0 == name }.map(\.1)
            let isOnePartys = Set(own.map(\.owner)).count == 1 && !joins.contains { $0.name == nil || $0.name == name }
            if own.count > 1, own.contains(where: \.isPublic) || isOnePartys {
                throw CrypTenError(.invalidArgument, "input '\(name)' is given twice")
            }
        }
        return names
    }

    /// What is compared before data are used: keys of the rows of joined inputs.
    ///
    /// - Throws: `.invalidArgument` where a party has keys of something else, another number of them than rows, or none.
    func comparisons(of inputs: [JoinedInput<Piece>]) throws -> [(comparison: KeyComparison, keys: [PartyID: Int])] {
        if keys.isEmpty { return [] }
        let joined = inputs.filter { $0.way != nil && $0.way?.axis != 0 }
        var own: [String: [PartyID: Int]] = [:]
        for key in keys {
            guard let name = key.keys.name ?? (joined.count == 1 ? joined[0].input.name : nil),
                let input = joined.first(where: { $0.input.name == name })
            else {
                throw CrypTenError(
                    .invalidArgument,
                    joined.isEmpty
                        ? "--key compares rows of parties that join their columns, and no input is joined so: give --join NAME=columns"
                        : "--key of \(key.owner) names no input whose columns are joined; name it, as in \(joined[0].input.name)=FILE"
                )
            }
            guard let part = input.parts.first(where: { $0.owner == key.owner }) else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(key.owner) gives a --key of input '\(name)' and has no part of that"
                )
            }
            guard own[name]?[key.owner] == nil else {
                throw CrypTenError(.invalidArgument, "\(key.owner) gives two --key of input '\(name)'")
            }
            let rows = part.shape.dimensions.first ?? 0
            guard key.keys.count == rows else {
                throw CrypTenError(
                    .shapeMismatch,
                    "input '\(name)': \(key.owner) gives \(key.keys.count) keys for \(rows) rows"
                )
            }
            own[name, default: [:]][key.owner] = key.index
        }
        return try joined.compactMap { input in
            guard let keys = own[input.input.name] else { return nil }
            let owners = Set(input.parts.map(\.owner)).sorted { $0.index < $1.index }
            if let missing = owners.first(where: { keys[$0] == nil }) {
                throw CrypTenError(
                    .invalidArgument,
                    "input '\(input.input.name)': \(missing) has columns of it and gives no --key, which the others do"
                )
            }
            if owners.count < 2 { return nil }
            return (KeyComparison(input: input.input.name, owners: owners), keys)
        }
    }
}

/// What stands on a command line.
protocol ToldByArgument {
    var argument: String { get }
}

extension NamedJoin: ToldByArgument {}
extension NamedRange: ToldByArgument {}

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

extension Session {
    /// What all parties do alike with what all know. Where it fails it fails at all of them, and each has seen it before one gives up, unless another
    /// one, whose program may be a different one, lives and doesn't come to it within the silence limit.
    func alike<Result>(_ body: () throws -> Result) async throws -> Result {
        do {
            return try body()
        } catch {
            _ = try? await tellEachOther(.success([]), refusing: .unnamed, within: configuration.silenceLimit)
            throw error
        }
    }
}
