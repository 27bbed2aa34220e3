internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Comparisons, logic on bits, and choices by bits.
    static let comparisons: [String: OperatorEntry] = [
        "Equal": OperatorEntry([7, 11, 13, 19]) { operation in
            let (a, b) = try operation.pair()
            return [
                try Value.related(
                    a,
                    b,
                    Relation(reals: { $0 == $1 }, integers: { $0 == $1 }) { $0.kind == .bit ? ~($0 ^ $1) : $0 .== $1 }
                )
            ]
        },
        "Less": OperatorEntry([7, 9, 13]) {
            try order($0, Relation(reals: { $0 < $1 }, integers: { $0 < $1 }, expressions: { $0 .< $1 }))
        },
        "LessOrEqual": OperatorEntry([12, 16]) {
            try order($0, Relation(reals: { $0 <= $1 }, integers: { $0 <= $1 }, expressions: { $0 .<= $1 }))
        },
        "Greater": OperatorEntry([7, 9, 13]) {
            try order($0, Relation(reals: { $0 > $1 }, integers: { $0 > $1 }, expressions: { $0 .> $1 }))
        },
        "GreaterOrEqual": OperatorEntry([12, 16]) {
            try order($0, Relation(reals: { $0 >= $1 }, integers: { $0 >= $1 }, expressions: { $0 .>= $1 }))
        },
        "And": OperatorEntry([7]) { try logic($0, { $0 != 0 && $1 != 0 }, { $0 & $1 }) },
        "Or": OperatorEntry([7]) { try logic($0, { $0 != 0 || $1 != 0 }, { $0 | $1 }) },
        "Xor": OperatorEntry([7]) { try logic($0, { $0 != $1 }, { $0 ^ $1 }) },
        "Not": OperatorEntry([1]) { operation in
            let value = try bits(operation, 0)
            if value.knownTensor == nil, let bit = value.commonBit { return [try Value(all: !bit, value.shape)] }
            let ones = Value(.bool, known: Tensor(.bool([true]), shape: []))
            return [
                try Value.related(value, ones, Relation(reals: { $0 != $1 }, integers: { $0 != $1 }) { x, _ in ~x })
            ]
        },
        "Where": OperatorEntry([9, 16], choose),
    ]

    private static func order(_ operation: Operation, _ relation: Relation) throws -> [Value] {
        _ = (try operation.number(0), try operation.number(1))
        let (a, b) = try operation.pair()
        return [try Value.related(a, b, relation)]
    }

    private static func bits(_ operation: Operation, _ position: Int) throws -> Value {
        let value = try operation.input(position)
        guard value.type == .bool else {
            throw operation.malformed("input \(position) is \(value.type.rawValue), not bool")
        }
        return value
    }

    private static func logic(
        _ operation: Operation,
        _ plain: @escaping @Sendable (Int64, Int64) -> Bool,
        _ expressions: @escaping @Sendable (CrypTensor, CrypTensor) -> CrypTensor
    ) throws -> [Value] {
        let (a, b) = (try bits(operation, 0), try bits(operation, 1))
        if a.knownTensor == nil || b.knownTensor == nil, let x = a.commonBit, let y = b.commonBit,
            let shape = Shape.broadcast(a.shape, b.shape)
        {
            return [try Value(all: plain(x ? 1 : 0, y ? 1 : 0), shape)]
        }
        let relation = Relation(
            reals: { plain($0 == 0 ? 0 : 1, $1 == 0 ? 0 : 1) },
            integers: plain,
            expressions: expressions
        )
        return [try Value.related(a, b, relation)]
    }

    /// The second input where the first holds, else the third; all three broadcast.
    private static func choose(_ operation: Operation) throws -> [Value] {
        let condition = try bits(operation, 0)
        let (a, b) = (try operation.input(1), try operation.input(2))
        guard a.type.kind == b.type.kind else {
            throw operation.malformed("it chooses between \(a.type.rawValue) and \(b.type.rawValue)")
        }
        guard let pair = Shape.broadcast(a.shape, b.shape), let shape = Shape.broadcast(condition.shape, pair) else {
            throw operation.mismatch("shapes \(condition.shape), \(a.shape) and \(b.shape) don't fit together")
        }
        guard let plain = try Value.plain([condition, a, b], shape) else {
            if let bit = condition.commonBit { return [try (bit ? a : b).broadcast(to: shape)] }
            let chosen = CrypTenExpressions.which(try condition.expression(), try a.expression(), try b.expression())
            return [Value(a.type, try checked(chosen))]
        }
        return [
            plain.value(a.type, shape) { tensors in
                let flags = wholeNumbers(tensors[0])
                func chosen<Element>(_ x: [Element], _ y: [Element]) -> [Element] {
                    let first = broadcasting(flags, condition.shape, x, a.shape, shape) { ($0 != 0, $1) }
                    return broadcasting(first, shape, y, b.shape, shape) { $0.0 ? $0.1 : $1 }
                }
                switch a.type.kind {
                case .real: return Tensor(chosen(tensors[1].doubles, tensors[2].doubles), shape: shape)
                case .integer: return Tensor(chosen(wholeNumbers(tensors[1]), wholeNumbers(tensors[2])), shape: shape)
                case .bit:
                    let bits = chosen(wholeNumbers(tensors[1]), wholeNumbers(tensors[2]))
                    return Tensor(.bool(bits.map { $0 != 0 }), shape: shape)
                }
            }
        ]
    }
}
