internal import CrypTenBase
internal import CrypTenExpressions

extension OperatorTable {
    /// Functions that are computed on constants only: in shape arithmetic, and by the owner on its weights.
    static let roundings: [String: OperatorEntry] = [
        "Sqrt": OperatorEntry([6, 13]) { [try squareRoot($0, try $0.real(0))] },
        "Reciprocal": OperatorEntry([6, 13]) { [try onConstants($0) { 1 / $0 }] },
        "Floor": OperatorEntry([6, 13]) { [try onConstants($0) { $0.rounded(.down) }] },
        "Ceil": OperatorEntry([6, 13]) { [try onConstants($0) { $0.rounded(.up) }] },
    ]

    private static func onConstants(_ operation: Operation, _ function: (Double) -> Double) throws -> Value {
        try operation.real(0).mapped(
            reals: function,
            integers: { $0 },
            expression: { _ in
                throw operation.unsupported("it isn't computed on secrets here, only on the model's own constants")
            }
        )
    }
}
