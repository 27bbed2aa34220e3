internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// A function of two numbers: on doubles, on integers, and on expressions.
struct BinaryFunction: Sendable {
    let reals: @Sendable (Double, Double) -> Double
    /// Nil where the function isn't defined, as for a division by zero.
    let integers: @Sendable (Int64, Int64) -> Int64?
    let expressions: @Sendable (CrypTensor, CrypTensor) throws -> CrypTensor
}

/// A comparison of two numbers, or a function of two bits.
struct Relation: Sendable {
    let reals: @Sendable (Double, Double) -> Bool
    let integers: @Sendable (Int64, Int64) -> Bool
    let expressions: @Sendable (CrypTensor, CrypTensor) -> CrypTensor
}

extension Value {
    /// A function of two values element by element, with NumPy's broadcasting.
    static func combined(_ a: Value, _ b: Value, _ function: BinaryFunction) throws -> Value {
        let shape = try sharedShape(a, b)
        guard let plain = try plain([a, b], shape) else {
            return Value(a.type, try checked(function.expressions(try a.expression(), try b.expression())))
        }
        return try plain.value(a.type, shape) { tensors in
            if a.type.kind == .real {
                return Tensor(
                    broadcasting(tensors[0].doubles, a.shape, tensors[1].doubles, b.shape, shape, function.reals),
                    shape: shape
                )
            }
            let results = broadcasting(
                wholeNumbers(tensors[0]),
                a.shape,
                wholeNumbers(tensors[1]),
                b.shape,
                shape,
                function.integers
            )
            return Tensor(
                try results.map { result in
                    guard let result else {
                        throw CrypTenError(
                            .invalidArgument,
                            "it isn't defined for these integers (a division by zero?)"
                        )
                    }
                    return result
                },
                shape: shape
            )
        }
    }

    /// A relation of two values element by element, with NumPy's broadcasting.
    static func related(_ a: Value, _ b: Value, _ relation: Relation) throws -> Value {
        let shape = try sharedShape(a, b)
        guard let plain = try plain([a, b], shape) else {
            return Value(.bool, try checked(relation.expressions(try a.expression(), try b.expression())))
        }
        return plain.value(.bool, shape) { tensors in
            let bits =
                a.type.kind == .real
                ? broadcasting(tensors[0].doubles, a.shape, tensors[1].doubles, b.shape, shape, relation.reals)
                : broadcasting(
                    wholeNumbers(tensors[0]),
                    a.shape,
                    wholeNumbers(tensors[1]),
                    b.shape,
                    shape,
                    relation.integers
                )
            return Tensor(.bool(bits), shape: shape)
        }
    }

    /// A function of every element.
    func mapped(
        reals: (Double) -> Double,
        integers: (Int64) -> Int64,
        expression: (CrypTensor) throws -> CrypTensor
    ) throws -> Value {
        guard let plain = try Value.plain([self], shape) else {
            return Value(type, try checked(expression(try self.expression())))
        }
        return plain.value(type, shape) { tensors in
            type.kind == .real
                ? Tensor(tensors[0].doubles.map(reals), shape: shape)
                : Tensor(wholeNumbers(tensors[0]).map(integers), shape: shape)
        }
    }

    private static func sharedShape(_ a: Value, _ b: Value) throws -> Shape {
        guard let shape = Shape.broadcast(a.shape, b.shape) else {
            throw CrypTenError(
                .shapeMismatch,
                "shapes \(a.shape) and \(b.shape) don't fit together: extents must be equal or 1"
            )
        }
        return shape
    }
}

/// The numbers of a tensor that is known to be of integers or bits.
func wholeNumbers(_ tensor: Tensor) -> [Int64] {
    guard let numbers = tensor.integers else { preconditionFailure("a tensor of integers holds reals") }
    return numbers
}

/// A function of the elements of two row-major arrays, each repeated to the result's shape.
func broadcasting<Element, Other, Result>(
    _ a: [Element],
    _ aShape: Shape,
    _ b: [Other],
    _ bShape: Shape,
    _ shape: Shape,
    _ function: (Element, Other) -> Result
) -> [Result] {
    if aShape == shape, bShape == shape { return zip(a, b).map(function) }
    func steps(_ operand: Shape) -> [Int] {
        let (added, strides) = (shape.rank - operand.rank, operand.strides)
        return (0..<shape.rank).map { $0 < added || operand[$0 - added] == 1 ? 0 : strides[$0 - added] }
    }
    let (aSteps, bSteps) = (steps(aShape), steps(bShape))
    var position = [Int](repeating: 0, count: shape.rank)
    var (aPlace, bPlace) = (0, 0)
    return (0..<shape.count).map { _ in
        let result = function(a[aPlace], b[bPlace])
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
            position[axis] += 1
            aPlace += aSteps[axis]
            bPlace += bSteps[axis]
            if position[axis] < shape[axis] { break }
            aPlace -= position[axis] * aSteps[axis]
            bPlace -= position[axis] * bSteps[axis]
            position[axis] = 0
        }
        return result
    }
}
