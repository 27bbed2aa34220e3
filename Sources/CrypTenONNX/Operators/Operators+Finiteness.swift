internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Whether something is a number: secrets always are, so that guards against what isn't cost nothing.
    ///
    /// So is a softmax of scores that a mask excludes all, which others make no number: its weights are all alike, and a guard leaves them.
    static let finiteness: [String: OperatorEntry] = [
        "IsNaN": OperatorEntry([9, 13, 20]) { [try guarded($0) { $0.isNaN }] },
        "IsInf": OperatorEntry([10, 20]) { operation in
            let negative = try operation.flag("detect_negative", default: true)
            let positive = try operation.flag("detect_positive", default: true)
            return [try guarded(operation) { $0.isInfinite && ($0 < 0 ? negative : positive) }]
        },
        "com.microsoft.IsAllFinite": OperatorEntry([1]) { operation in
            let (nanOnly, infOnly) = (
                try operation.flag("isnan_only", default: false), try operation.flag("isinf_only", default: false)
            )
            let isFinite = try operation.inputs.indices.allSatisfy { position in
                let value = try operation.real(position)
                if case .weight = value.content { throw NeedsRun() }
                return value.knownTensor?.doubles.allSatisfy { number in
                    !(number.isNaN && !infOnly) && !(number.isInfinite && !nanOnly)
                } ?? true
            }
            return [Value(.bool, known: Tensor(.bool([isFinite]), shape: []))]
        },
    ]

    /// A test of known numbers and of weights; of what the parties compute nothing is found.
    private static func guarded(_ operation: Operation, _ test: (Double) -> Bool) throws -> Value {
        let value = try operation.real(0)
        guard let plain = try Value.plain([value], value.shape) else { return try Value(all: false, value.shape) }
        return plain.value(.bool, value.shape) { Tensor(.bool($0[0].doubles.map(test)), shape: value.shape) }
    }
}

extension Value {
    /// One bit everywhere, which is kept as one.
    init(all bit: Bool, _ shape: Shape) throws {
        let one = CrypTensor(constant: Tensor(.bool([bit]), shape: []))
        self.init(.bool, try checked(one.broadcast(to: shape)))
    }

    /// The bit that all elements are, where all parties know that they are one.
    var commonBit: Bool? {
        func common(_ tensor: Tensor?) -> Bool? {
            guard let bits = tensor?.integers, bits.allSatisfy({ $0 == bits[0] }) else { return nil }
            return bits.first != 0
        }
        guard type == .bool else { return nil }
        switch content {
        case .known(let tensor): return common(tensor)
        case .weight, .list, .nothing: return nil
        case .expression(let expression):
            if case .broadcast = expression.node.operation {
                return common(CrypTensor(expression.node.inputs[0]).constantValue)
            }
            return common(expression.constantValue)
        }
    }
}
