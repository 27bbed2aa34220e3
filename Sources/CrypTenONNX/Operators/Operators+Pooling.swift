internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Largest elements, means and norms of windows.
    static let pooling: [String: OperatorEntry] = [
        "MaxPool": OperatorEntry([1, 8, 10, 11, 12, 22], poolLargest),
        "AveragePool": OperatorEntry([1, 7, 10, 11, 19, 22]) { operation in
            let countsPadding = try operation.flag("count_include_pad", default: false)
            return try pooled(operation) { x, windows, ceilMode in
                try x.averagePooled(
                    windows,
                    ceilMode: ceilMode,
                    countIncludePad: countsPadding,
                    name: "avgPool\(windows.count)d",
                    at: nil
                )
            }
        },
        "LpPool": OperatorEntry([2, 11, 18, 22]) { operation in
            let p = try operation.int("p", default: 2)
            guard (1...16).contains(p) else { throw operation.unsupported("its norm \(p) isn't one from 1 to 16") }
            let input = try operation.real(0)
            let windows = try WindowAttributes(operation, shape: input.shape, kernel: nil)
            try windows.checkCount(operation, input.shape)
            let ceilMode = try operation.flag("ceil_mode", default: false)
            return [
                try Value.computed([input], input.type) {
                    let powers = magnitudes($0[0], to: p)
                    return root(try powers.sumPooled(windows.windows, ceilMode: ceilMode, name: "lpPool", at: nil), p)
                }
            ]
        },
        "GlobalAveragePool": OperatorEntry([1, 22]) { try overall($0) { $0.globalAveragePool() } },
        "GlobalMaxPool": OperatorEntry([1, 22]) { try overall($0) { $0.globalMaxPool() } },
        "GlobalLpPool": OperatorEntry([2, 22]) { operation in
            let p = try operation.int("p", default: 2)
            guard (1...16).contains(p) else { throw operation.unsupported("its norm \(p) isn't one from 1 to 16") }
            return try overall(operation) { x in
                root(magnitudes(x, to: p).sum(axes: Array(Swift.min(2, x.rank)..<x.rank), keepDimensions: true), p)
            }
        },
        "MaxUnpool": OperatorEntry([9, 11, 22], known: [1, 2], unpool),
    ]

    /// |x|^p
    private static func magnitudes(_ x: CrypTensor, to p: Int) -> CrypTensor {
        p % 2 == 0 ? x.pow(p) : x.abs().pow(p)
    }

    private static func root(_ x: CrypTensor, _ p: Int) -> CrypTensor {
        p == 1 ? x : p == 2 ? x.sqrt() : x.pow(1 / Double(p))
    }

    private static func pooled(
        _ operation: Operation,
        _ pool: (CrypTensor, [CrypTensor.AxisWindow], _ ceilMode: Bool) throws -> CrypTensor
    ) throws -> [Value] {
        let input = try operation.node.operation == "MaxPool" ? operation.number(0) : operation.real(0)
        let windows = try WindowAttributes(operation, shape: input.shape, kernel: nil)
        try windows.checkCount(operation, input.shape)
        let ceilMode = try operation.flag("ceil_mode", default: false)
        return [Value(input.type, try checked(try pool(try input.expression(), windows.windows, ceilMode)))]
    }

    private static func overall(_ operation: Operation, _ pool: (CrypTensor) -> CrypTensor) throws -> [Value] {
        let input = try operation.real(0)
        return [Value(input.type, try checked(pool(try input.expression())))]
    }

    private static func poolLargest(_ operation: Operation) throws -> [Value] {
        let values = try pooled(operation) { x, windows, ceilMode in
            try x.maxPooled(windows, ceilMode: ceilMode, name: "maxPool\(windows.count)d", at: nil)
        }
        guard operation.isRead(output: 1) else { return values }
        return values + [try placesOfLargest(operation, values[0].shape)]
    }

    /// Where the largest of each window stands among all elements of the input: its tap, secret, selects from the taps' places,
    /// which are public.
    private static func placesOfLargest(_ operation: Operation, _ output: Shape) throws -> Value {
        let input = try operation.real(0)
        let windows = try WindowAttributes(operation, shape: input.shape, kernel: nil)
        let isColumnMajor = try operation.flag("storage_order", default: false)
        let axes = windows.kernel.count
        let spatial = Array(input.shape.dimensions.dropFirst(2))
        let outputs = Array(output.dimensions.dropFirst(2))
        let (taps, places) = (windows.kernel.reduce(1, *), outputs.reduce(1, *))
        try ImportBudget.spend(taps * places, for: "places of \(taps) taps of \(places) windows")
        // Taps in the padding stand for the nearest one inside, which comes first where it is as large.
        var positions: [Int] = [Int](repeating: 0, count: taps * places)
        for tap in 0..<taps {
            for place in 0..<places {
                var (t, o, position, stride) = (tap, place, 0, isColumnMajor ? spatial.dropLast().reduce(1, *) : 1)
                for axis in (0..<axes).reversed() {
                    let start = o % outputs[axis] * windows.strides[axis] - windows.before[axis]
                    let (step, extent) = (windows.dilations[axis], spatial[axis])
                    let low = start >= 0 ? 0 : (-start + step - 1) / step
                    let high = start >= extent ? -1 : min(windows.kernel[axis] - 1, (extent - 1 - start) / step)
                    guard low <= high else { throw operation.mismatch("a window has no element inside") }
                    position += (start + min(max(t % windows.kernel[axis], low), high) * step) * stride
                    stride = isColumnMajor ? stride / (axis > 0 ? spatial[axis - 1] : 1) : stride * extent
                    t /= windows.kernel[axis]
                    o /= outputs[axis]
                }
                positions[tap * places + place] = position
            }
        }
        let (batch, size) = (input.shape[0] * input.shape[1], spatial.reduce(1, *))
        let flat = try input.expression().reshape([batch, size]).take(positions, axis: 1).reshape([batch, taps, places])
        let best = flat.argmax(axis: 1, keepDimensions: true)
        let isBest = best .== CrypTensor(constant: Tensor(Array(0..<taps), shape: [1, taps, 1]))
        let table = CrypTensor(constant: Tensor(positions, shape: [1, taps, places]))
        let inChannel = (isBest.toInteger() * table).sum(axis: 1)
        let starts = Tensor((0..<batch).map { $0 * size }, shape: [batch, 1])
        return Value(.int64, try checked((inChannel + CrypTensor(constant: starts)).reshape(output)))
    }

    /// Elements put back to the public places that a pool took them from, zeros elsewhere.
    private static func unpool(_ operation: Operation) throws -> [Value] {
        let input = try operation.real(0)
        let indices = try operation.positions(1)
        let windows = try WindowAttributes(operation, shape: input.shape, kernel: nil)
        guard indices.shape == input.shape else {
            throw operation.mismatch("indices of shape \(indices.shape) don't fit shape \(input.shape)")
        }
        let axes = windows.kernel.count
        let inferred = (0..<axes).map { axis in
            (input.shape[axis + 2] - 1) * windows.strides[axis] + windows.kernel[axis] - windows.before[axis]
                - windows.after[axis]
        }
        let target = try Shape(checking: [input.shape[0], input.shape[1]] + inferred)
        let places = wholeNumbers(indices).map { Int($0) }
        guard places.allSatisfy({ (0..<target.count).contains($0) }) else {
            throw operation.mismatch("an index isn't one of \(target.count) elements of shape \(target)")
        }
        try ImportBudget.spend(target.count, for: "a tensor of shape \(target)")
        let filled = try Value.computed([input], input.type) {
            try CrypTensor(0.0).broadcast(to: target).written($0[0], to: places, .none, in: "scatter", at: nil)
        }
        guard let asked = try operation.knownIntegers(2) else { return [filled] }
        guard asked.count == target.rank, zip(asked, target.dimensions).allSatisfy({ $0 >= $1 }) else {
            throw operation.mismatch("output shape \(asked) is smaller than \(target)")
        }
        return [
            try filled.padded(
                before: [Int](repeating: 0, count: target.rank),
                after: zip(asked, target.dimensions).map { $0 - $1 }
            )
        ]
    }
}
