internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Exponentials, logarithms, and what is normalised by a sum of exponentials.
    static let exponentials: [String: OperatorEntry] = [
        "Exp": OperatorEntry([6, 13]) {
            [try $0.real(0).mapped(reals: PortableFunctions.exp, integers: { $0 }, expression: { $0.exp() })]
        },
        "Log": OperatorEntry([6, 13]) {
            [try $0.real(0).mapped(reals: PortableFunctions.log, integers: { $0 }, expression: { $0.log() })]
        },
        "Softmax": OperatorEntry([1, 11, 13]) { try alongAxis($0) { $0.softmax(axis: $1) } },
        "LogSoftmax": OperatorEntry([1, 11, 13]) { try alongAxis($0) { $0.logSoftmax(axis: $1) } },
        "Hardmax": OperatorEntry([1, 11, 13]) { operation in
            try alongAxis(operation) { x, axis in
                // The place of the first largest, against every place.
                let places = Tensor((0..<x.shape[axis]).map { Int64($0) }, shape: [x.shape[axis]])
                let spread = Shape((0..<x.rank).map { $0 == axis ? x.shape[axis] : 1 })
                let best = x.argmax(axis: axis, keepDimensions: true)
                return (best .== CrypTensor(constant: places).reshape(spread)).toReal()
            }
        },
    ]

    /// A function along one axis; before version 13 along all from that axis on, taken as one.
    private static func alongAxis(
        _ operation: Operation,
        _ function: (CrypTensor, _ axis: Int) -> CrypTensor
    ) throws -> [Value] {
        let value = try operation.real(0)
        let rank = value.shape.rank
        let isFlattening = operation.version < 13
        let given = try operation.int("axis", default: isFlattening ? 1 : -1)
        if isFlattening, given == rank {
            let rows = try value.reshaped([value.shape.count, 1])
            return [try Value.computed([rows], value.type) { function($0[0], 1) }.reshaped(value.shape)]
        }
        let axis = try operation.axis(given, rank: rank)
        guard isFlattening else { return [try Value.computed([value], value.type) { function($0[0], axis) }] }
        let rows = value.shape.dimensions.prefix(axis).reduce(1, *)
        let columns = value.shape.dimensions.dropFirst(axis).reduce(1, *)
        let flat = try value.reshaped([rows, columns])
        return [try Value.computed([flat], value.type) { function($0[0], 1) }.reshaped(value.shape)]
    }
}
