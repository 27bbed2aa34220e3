internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Shapes as numbers, numbers as shapes, and types.
    static let shapes: [String: OperatorEntry] = [
        "Shape": OperatorEntry([1, 13, 15, 19, 21, 23, 24, 25]) { operation in
            let shape = try operation.input(0).shape
            func bound(_ name: String, _ standard: Int) throws -> Int {
                guard operation.version >= 15, let given = try operation.int(name) else { return standard }
                return min(max(given < 0 ? max(given, -shape.rank) + shape.rank : given, 0), shape.rank)
            }
            let (start, end) = (try bound("start", 0), try bound("end", shape.rank))
            let extents = start < end ? Array(shape.dimensions[start..<end]) : []
            return [Value(integers: extents, shape: [extents.count])]
        },
        "Size": OperatorEntry([1, 13, 19, 21, 23, 24, 25]) {
            [Value(integers: [try $0.input(0).shape.count], shape: [])]
        },
        "ConstantOfShape": OperatorEntry([9, 20, 21, 23, 24, 25], known: [0]) { operation in
            guard let extents = try operation.knownIntegers(0) else {
                throw operation.malformed("its shape is missing")
            }
            let shape = try Shape(checking: extents)
            switch operation.node.attributes["value"] {
            case nil: return [try Value(.float, known: Tensor(.float([0]), shape: [])).broadcast(to: shape)]
            case .tensor(let type, let number)? where number.shape.count == 1:
                return [try Value(type, known: Tensor(number.elements, shape: [])).broadcast(to: shape)]
            default: throw operation.malformed("its value must be one number")
            }
        },
        "Range": OperatorEntry([11, 27], known: [0, 1, 2], range),
        "Cast": OperatorEntry([6, 9, 13, 19, 21, 23, 24, 25, 28]) { operation in
            guard let number = try operation.int("to"), let standardNumber = Int32(exactly: number),
                let type = ONNXElementType(standardNumber: standardNumber)
            else {
                throw operation.unsupported(
                    "it makes elements of type \(try operation.int("to") ?? 0) of the standard, which isn't computed here"
                )
            }
            return [try cast(operation, try operation.input(0), to: type)]
        },
        "CastLike": OperatorEntry([15, 19, 21, 23, 24, 25]) { operation in
            [try cast(operation, try operation.input(0), to: try operation.input(1).type)]
        },
    ]

    private static func range(_ operation: Operation) throws -> [Value] {
        let type = try operation.input(0).type
        guard let start = try operation.knownScalar(0), let limit = try operation.knownScalar(1),
            let step = try operation.knownScalar(2),
            start.isFinite, limit.isFinite, step.isFinite, step != 0
        else { throw operation.malformed("it needs a start, a limit and a step that isn't 0") }
        let count = max(0, ((limit - start) / step).rounded(.up))
        guard count <= Double(Shape.largestCount) else {
            throw operation.mismatch("it would make \(count) numbers, which are too many")
        }
        let shape: Shape = [Int(count)]
        try ImportBudget.spend(shape.count, for: "a range of \(shape.count) numbers")
        guard type.kind == .integer else {
            return [Value(type, known: Tensor((0..<Int(count)).map { start + Double($0) * step }, shape: shape))]
        }
        guard let first = Int64(exactly: start), let stride = Int64(exactly: step) else {
            throw operation.malformed("its bounds aren't integers")
        }
        return [Value(type, known: Tensor((0..<Int64(count)).map { first &+ $0 &* stride }, shape: shape))]
    }

    /// Numbers in another type.
    ///
    /// Reals become integers towards 0.
    private static func cast(_ operation: Operation, _ value: Value, to type: ONNXElementType) throws -> Value {
        guard let plain = try Value.plain([value], value.shape) else {
            let expression = try value.expression()
            switch (value.type.kind, type.kind) {
            case (.real, .integer):
                if let whole = expression.integersBehind { return Value(type, try checked(whole)) }
                // Towards 0: the whole parts of the positive and of the negative part.
                let positive = expression.relu()
                let whole = positive.applying(.floor) - (positive - expression).applying(.floor)
                return Value(type, try checked(whole))
            case (.real, .bit), (.integer, .bit): return Value(type, try checked(expression .!= 0))
            case (.bit, .integer): return Value(type, try checked(expression.toInteger()))
            case (_, .real): return Value(type, try checked(expression.toReal()))
            case (.integer, .integer):
                // What holds all numbers of the other type needs no look at them.
                guard let from = value.type.integers, let to = type.integers,
                    !to.contains(from.lowerBound) || !to.contains(from.upperBound)
                else { return value.retyped(type) }
                return try value.retyped(type).wrapped()
            case (.bit, .bit): return value.retyped(type)
            }
        }
        return plain.value(type, value.shape) { tensors in
            let tensor = tensors[0]
            switch (value.type.kind, type.kind) {
            case (.real, .real), (.bit, .bit): return tensor
            case (.integer, .integer):
                return Tensor(wholeNumbers(tensor).map(type.wrapping), shape: tensor.shape)
            case (.bit, .integer): return Tensor(wholeNumbers(tensor), shape: tensor.shape)
            case (.integer, .real), (.bit, .real): return Tensor(tensor.doubles, shape: tensor.shape)
            case (_, .bit): return Tensor(.bool(tensor.doubles.map { $0 != 0 }), shape: tensor.shape)
            case (.real, .integer):
                // The standard leaves open what no integer is; buckets of a logarithm, of 0 too, are chosen afterwards.
                return Tensor(tensor.doubles.map { type.wrapping(Int64(saturating: $0)) }, shape: tensor.shape)
            }
        }
    }
}

extension CrypTensor {
    /// The integers that these reals are, where they were made of such, and reshaped since: labels of classes, for instance.
    fileprivate var integersBehind: CrypTensor? {
        var source = node
        while case .reshape = source.operation { source = source.inputs[0] }
        guard case .toReal = source.operation, source.inputs[0].kind == .integer else { return nil }
        return CrypTensor(source.inputs[0]).reshape(shape)
    }
}

extension Int64 {
    /// The whole part of a number; the nearest bound where it has none here, and 0 of what isn't a number.
    fileprivate init(saturating number: Double) {
        self = Int64(exactly: number.rounded(.towardZero)) ?? (number.isNaN ? 0 : number < 0 ? .min : .max)
    }
}
