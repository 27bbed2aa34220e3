internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Roots, reciprocals, and numbers rounded to whole ones.
    static let roundings: [String: OperatorEntry] = [
        "Sqrt": OperatorEntry([6, 13]) { [try squareRoot(try $0.real(0))] },
        "Reciprocal": OperatorEntry([6, 13]) {
            [
                try $0.real(0).mapped(reals: { 1 / $0 }, integers: { $0 }) { x in
                    if case .squareRoot = x.node.operation { return CrypTensor(x.node.inputs[0]).inverseSquareRoot() }
                    return x.reciprocal()
                }
            ]
        },
        "Floor": OperatorEntry([6, 13]) {
            [try $0.real(0).mapped(reals: { $0.rounded(.down) }, integers: { $0 }, expression: { $0.floor() })]
        },
        "Ceil": OperatorEntry([6, 13]) {
            [try $0.real(0).mapped(reals: { $0.rounded(.up) }, integers: { $0 }, expression: { $0.ceil() })]
        },
        "Round": OperatorEntry([11, 22]) {
            [
                try $0.real(0).mapped(
                    reals: { $0.rounded(.toNearestOrEven) },
                    integers: { $0 },
                    expression: { $0.round() }
                )
            ]
        },
    ]

    static func squareRoot(_ value: Value) throws -> Value {
        try value.mapped(reals: { $0.squareRoot() }, integers: { $0 }, expression: { $0.sqrt() })
    }
}
