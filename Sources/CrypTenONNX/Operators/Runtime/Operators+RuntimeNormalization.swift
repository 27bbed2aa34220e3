internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Normalisations of onnxruntime's own, with a sum before them and a function after them.
    static let runtimeNormalization: [String: OperatorEntry] = [
        "com.microsoft.LayerNormalization": OperatorEntry([1]) {
            try $0.results(of: "LayerNormalization", [.input(0), .input(1), .input(2)])
        },
        "com.microsoft.SimplifiedLayerNormalization": OperatorEntry([1]) {
            try $0.results(of: "SimplifiedLayerNormalization", [.input(0), .input(1)])
        },
        "com.microsoft.SkipLayerNormalization": OperatorEntry([1]) { operation in
            let sum = try skipped(operation, bias: 4)
            let results = try operation.results(
                of: "LayerNormalization",
                [.made(sum), .input(2), .input(3)],
                try rowAttributes(operation)
            )
            // Mean and deviation are there where they are read, and the sum behind them.
            return results + [Value](repeating: sum, count: 4 - results.count)
        },
        "com.microsoft.SkipSimplifiedLayerNormalization": OperatorEntry([1]) { operation in
            let sum = try skipped(operation, bias: 3)
            guard !operation.isRead(output: 1) else {
                throw operation.unsupported("it computes no mean, and its output 1 is read")
            }
            let deviation = operation.isRead(output: 2) ? operation.node.outputs[2] : ""
            let results = try operation.results(
                of: "SimplifiedLayerNormalization",
                [.made(sum), .input(2)],
                try rowAttributes(operation),
                outputs: [operation.node.outputs[0], deviation]
            )
            return [results[0], sum, results.count > 1 ? results[1] : sum, sum]
        },
        "com.microsoft.EmbedLayerNormalization": OperatorEntry([1]) { operation in
            // Graphs are read without it: see `Graph.separateEmbeddings`.
            throw operation.unsupported("it stands in a graph inside a node; embeddings are read outside")
        },
        "com.microsoft.GroupNorm": OperatorEntry([1]) { operation in
            [try groupNormalized(operation, try operation.real(0))]
        },
        "com.microsoft.SkipGroupNorm": OperatorEntry([1]) { operation in
            let (x, skip) = (try operation.real(0), try operation.real(3))
            let isLast = try operation.flag("channels_last", default: true)
            guard x.shape.rank == 4 else { throw operation.mismatch("shape \(x.shape) isn't an image") }
            // A number for each channel of each image broadcasts over its places.
            func spread(_ value: Value, _ images: Int) throws -> Value {
                let channels = x.shape[isLast ? 3 : 1]
                return try value.reshaped(isLast ? [images, 1, 1, channels] : [images, channels, 1, 1])
            }
            var sum = try operation.sum(x, skip.shape.rank == 2 ? try spread(skip, x.shape[0]) : skip)
            if let bias = operation.optional(4) { sum = try operation.sum(sum, try spread(bias, 1)) }
            guard sum.shape == x.shape else {
                throw operation.mismatch("a skip of shape \(skip.shape) can't be added to shape \(x.shape)")
            }
            return [try groupNormalized(operation, sum), sum]
        },
    ]

    /// Input, skip and bias added up.
    private static func skipped(_ operation: Operation, bias position: Int) throws -> Value {
        let (x, skip) = (try operation.real(0), try operation.real(1))
        let sum = try operation.sum(try operation.sum(x, skip), input: position)
        guard sum.shape == x.shape else {
            throw operation.mismatch("a skip of shape \(skip.shape), and a bias, can't be added to shape \(x.shape)")
        }
        return sum
    }

    /// The attributes of a normalisation of the last axis.
    private static func rowAttributes(_ operation: Operation) throws -> [String: GraphAttribute] {
        ["axis": .int(-1), "epsilon": .float(Float(try operation.float("epsilon", default: 1e-12)))]
    }

    private static func groupNormalized(_ operation: Operation, _ x: Value) throws -> Value {
        let isLast = try operation.flag("channels_last", default: true)
        guard x.shape.rank == 4, let groups = try operation.int("groups") else {
            throw operation.malformed("it takes an image and a number of groups")
        }
        let image = isLast ? try channelsFirst(operation, x) : x
        var result = try operation.result(
            of: "GroupNormalization",
            [.made(image), .input(1), .input(2)],
            [
                "num_groups": .int(groups),
                "epsilon": .float(Float(try operation.float("epsilon", default: 1e-5))),
            ]
        )
        switch try operation.int("activation", default: 0) {
        case 0: break
        case 1: result = try operation.result(of: "Swish", [.made(result)], [:])
        case let other: throw operation.malformed("activation \(other) isn't 0 or 1")
        }
        return isLast ? try channelsLast(result) : result
    }
}
