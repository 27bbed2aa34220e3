internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// What onnxruntime had in its own domain before the standard had it.
    static let runtimeStructure: [String: OperatorEntry] = [
        "com.microsoft.Trilu": OperatorEntry([1], known: [1]) { try $0.results(of: "Trilu", [.input(0), .input(1)]) },
        "com.microsoft.ExpandDims": OperatorEntry([1], known: [1]) { operation in
            let input = try operation.input(0)
            guard let given = try operation.knownWhole(1) else { throw operation.malformed("its axis is missing") }
            let axis = try operation.axis(given, rank: input.shape.rank + 1)
            return [try operation.result(of: "Unsqueeze", version: 11, [.input(0)], ["axes": .ints([axis])])]
        },
        "com.microsoft.Pad": OperatorEntry([1], known: [1]) { operation in
            guard let pads = try operation.known(1), pads.kind == .integer else {
                throw operation.malformed("its pads are missing")
            }
            // A row of pads is a list of them.
            let list = Value(.int64, known: Tensor(pads.elements, shape: [pads.shape.count]))
            return [try operation.result(of: "Pad", version: 13, [.input(0), .made(list), .input(2)])]
        },
        "com.microsoft.Range": OperatorEntry([1], known: [0, 1, 2]) { operation in
            let step = operation.optional(2)
            let type = try operation.input(0).type
            let one = Value(type, known: type.kind == .real ? Tensor(1.0) : Tensor([Int64(1)], shape: []))
            return [try operation.result(of: "Range", [.input(0), .input(1), step == nil ? .made(one) : .input(2)])]
        },
        "com.microsoft.GatherND": OperatorEntry([1], known: [1]) {
            try $0.results(of: "GatherND", version: 11, [.input(0), .input(1)])
        },
        "com.microsoft.GridSample": OperatorEntry([1], known: [1]) {
            try $0.results(of: "GridSample", version: 16, [.input(0), .input(1)])
        },
        "com.microsoft.Rfft": OperatorEntry([1]) { operation in
            try checkSignal(operation)
            let x = try operation.real(0)
            let parts = try x.reshaped(Shape(x.shape.dimensions + [1]))
            return [
                try operation.result(
                    of: "DFT",
                    version: 17,
                    [.made(parts)],
                    ["axis": .int(x.shape.rank - 1), "onesided": .int(1)]
                )
            ]
        },
        "com.microsoft.Irfft": OperatorEntry([1]) { operation in
            try checkSignal(operation)
            let x = try operation.real(0)
            guard x.shape.rank >= 2, x.shape[-1] == 2 else {
                throw operation.mismatch("shape \(x.shape) isn't half a spectrum of real and imaginary parts")
            }
            let signal = try operation.result(
                of: "DFT",
                version: 17,
                [.made(x)],
                ["axis": .int(x.shape.rank - 2), "onesided": .int(1), "inverse": .int(1)]
            )
            return [try signal.reshaped(Shape(signal.shape.dimensions.dropLast()))]
        },
        "com.microsoft.RelativePositionBias": OperatorEntry([1], known: [1, 2], relativePositions),
    ]

    /// One signal along the last axis, half its spectrum, and no norm.
    private static func checkSignal(_ operation: Operation) throws {
        guard try operation.int("signal_ndim", default: 1) == 1, try operation.flag("onesided", default: true),
            try !operation.flag("normalized", default: false)
        else {
            throw operation.unsupported("one axis (signal_ndim = 1, onesided = 1, normalized = 0) is transformed here")
        }
    }

    /// A number for each head and each distance of a key from a query, distances in buckets whose widths grow: T5's.
    private static func relativePositions(_ operation: Operation) throws -> [Value] {
        let table = try operation.real(0)
        guard table.shape.rank == 2, let queries = try operation.knownWhole(1), let keys = try operation.knownWhole(2),
            (0...1 << 16).contains(queries), (0...1 << 16).contains(keys),
            let farthest = try operation.int("max_distance")
        else { throw operation.malformed("it takes a table, a number of queries and one of keys") }
        let (buckets, heads) = (table.shape[0], table.shape[1])
        let isBoth = try operation.flag("is_bidirectional", default: false)
        let each = isBoth ? buckets / 2 : buckets
        let exact = each / 2
        guard exact >= 1, farthest > exact, farthest <= 1 << 20 else {
            throw operation.malformed("\(buckets) buckets up to a distance of \(farthest) make no sense")
        }
        try ImportBudget.spend(queries * keys, for: "distances of \(queries) queries to \(keys) keys")
        func bucket(_ distance: Int) -> Int {
            let offset = isBoth && distance > 0 ? each : 0
            let far = isBoth ? abs(distance) : max(-distance, 0)
            if far < exact { return offset + far }
            let ratio =
                PortableFunctions.log(Double(far) / Double(exact))
                / PortableFunctions.log(Double(farthest) / Double(exact))
            return offset + min(exact + Int(ratio * Double(each - exact)), each - 1)
        }
        let byDistance = (-queries...keys).map(bucket)
        let places = (0..<queries).flatMap { query in (0..<keys).map { byDistance[$0 - query + queries] } }
        // The table's numbers stand by head, whatever its shape says.
        let rows = try table.reshaped([heads, buckets]).taking(places, axis: 1)
        return [try rows.reshaped([1, heads, queries, keys])]
    }
}
