import CrypTenBase
import CrypTenSharing

/// All rows of a call as words, padded, canaries among them, in the order in which they are asked.
struct Question {
    struct Input {
        var name: String
        /// Without the rows.
        var rowShape: [Int]
        var words: [UInt64]

        var rowSize: Int { rowShape.reduce(1, *) }
    }

    let inputs: [Input]
    let rows: Int
    let mixture: Mixture?

    /// Encodes what is asked.
    ///
    /// - Throws: `.invalidArgument`, `.shapeMismatch` or `.outOfRange` for what the model doesn't take: before any share is sent.
    init(_ given: [String: ClientTensor], _ model: ModelMetadata, _ canaries: Canaries?, _ outputs: [String]?) throws {
        try Question.check(given, model, "inputs")
        let asked = given.values.first?.rows ?? 0
        mixture = try canaries.map { canaries in
            try Question.check(canaries.inputs, model, "canaries' inputs")
            let expected = outputs ?? model.outputs.map(\.name)
            guard canaries.outputs.keys.allSatisfy(expected.contains) else {
                throw CrypTenError(
                    .invalidArgument,
                    "canaries know outputs \(canaries.outputs.keys.sorted()), and \(expected) are asked for: leave the others out there"
                )
            }
            return try Mixture(canaries, rows: asked)
        }
        rows = asked + (mixture?.places.count ?? 0)
        if let counts = model.parameters.rowCounts, !counts.contains(rows) {
            throw CrypTenError(
                .shapeMismatch,
                "\(rows) rows\(mixture == nil ? "" : ", canaries included,") don't fit model \"\(model.name)\", which mixes its rows and takes "
                    + "\(counts) at once: ask for as many, for they can't be cut into parts"
            )
        }
        let targets = try Question.targets(given, canaries?.inputs, model)
        inputs = try zip(model.inputs, targets).map { [mixture] input, target in
            guard let tensor = given[input.name] else { preconditionFailure("all inputs are there") }
            let words = try Question.words(tensor, input, to: [tensor.rows] + target)
            guard let mixture, let known = canaries?.inputs[input.name] else {
                return Input(name: input.name, rowShape: target, words: words)
            }
            return Input(
                name: input.name,
                rowShape: target,
                words: mixture.mixed(
                    words,
                    try Question.words(known, input, to: [known.rows] + target),
                    rowSize: target.reduce(1, *)
                )
            )
        }
    }

    /// To what inputs are padded, without the rows; canaries as the others are, so that they look like them.
    private static func targets(
        _ given: [String: ClientTensor],
        _ canaries: [String: ClientTensor]?,
        _ model: ModelMetadata
    ) throws -> [[Int]] {
        let names = model.inputs.map(\.name)
        func shapes(of tensors: [String: ClientTensor]) -> [[Int]] { names.compactMap { tensors[$0]?.shape } }
        func targets(_ shapes: [[Int]]) throws -> [[Int]] {
            try Padding.shapes(for: shapes, among: model.inputs.map(\.shapes), inputs: names).map {
                Array($0.dropFirst())
            }
        }
        let alone = try targets(shapes(of: given))
        guard let canaries else { return alone }
        // Each fits by itself, so that both have the same axes.
        _ = try targets(shapes(of: canaries))
        return try targets(zip(shapes(of: given), shapes(of: canaries)).map { zip($0, $1).map(max) })
    }

    /// Some rows of all inputs: names and shapes, and words.
    func part(_ range: Range<Int>) -> (inputs: [InferenceRequest.Input], words: [[UInt64]]) {
        (
            inputs.map { InferenceRequest.Input(name: $0.name, shape: [range.count] + $0.rowShape) },
            inputs.map { Array($0.words[range.lowerBound * $0.rowSize..<range.upperBound * $0.rowSize]) }
        )
    }

    private static func check(_ given: [String: ClientTensor], _ model: ModelMetadata, _ what: String) throws {
        let names = model.inputs.map(\.name)
        guard Set(given.keys) == Set(names) else {
            throw CrypTenError(
                .invalidArgument,
                "the \(what) \(given.keys.sorted()) don't fit model \"\(model.name)\", which takes \(names)"
            )
        }
        guard Set(given.values.map(\.rows)).count == 1 else {
            throw CrypTenError(
                .shapeMismatch,
                "the \(what) of model \"\(model.name)\" have different numbers of rows: the first axis of each is the rows"
            )
        }
    }

    private static func words(_ tensor: ClientTensor, _ input: ModelMetadata.Input, to target: [Int]) throws -> [UInt64]
    {
        let (bits, pad) = (input.parameters.fractionBits, input.parameters.pad ?? 0)
        let words: [UInt64]
        switch (input.parameters.type, tensor.values) {
        case (.fp32, .doubles(let values)), (.fp64, .doubles(let values)):
            words = try FixedPointWords.encode(values, fractionBits: bits, range: input.range, input: input.name)
        case (.int64, .integers(let values)):
            words = try FixedPointWords.encode(values, range: input.range, input: input.name)
        case (.bool, .booleans(let values)):
            words = FixedPointWords.encode(values)
        case (let type, _):
            throw CrypTenError(
                .invalidArgument,
                "input \"\(input.name)\" is \(type.rawValue), and numbers of another kind were given"
            )
        }
        let isReal = [.fp32, .fp64].contains(input.parameters.type)
        let padWord = try FixedPointWords.encode([pad], fractionBits: isReal ? bits : 0, range: nil, input: input.name)[
            0
        ]
        return Padding.padded(words, tensor.shape, to: target, pad: padWord)
    }
}
