internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// Whole numbers for reals, and products of whole numbers.
///
/// A quantised network rounds every activation to a grid, and so does it here: round(x / s) + z, held within the type. Whole
/// numbers have no fraction bits, so products of them are exact.
extension OperatorTable {
    static let quantization: [String: OperatorEntry] = [
        "QuantizeLinear": OperatorEntry([10, 13, 19, 21, 23, 24, 25]) { [try quantized($0, byReciprocals: false)] },
        "DequantizeLinear": OperatorEntry([10, 13, 19, 21, 23, 24, 25], dequantized),
        "DynamicQuantizeLinear": OperatorEntry([11]) { Array(try dynamicallyQuantized($0).prefix(3)) },
        "MatMulInteger": OperatorEntry([10]) { operation in
            let (a, b) = try integerOperands(operation)
            guard a.shape.rank >= 1, b.shape.rank >= 1 else {
                throw operation.mismatch("shapes \(a.shape) and \(b.shape) aren't matrices")
            }
            return [try Value.computed([a, b], .int32) { $0[0].matmul($0[1]) }]
        },
        "ConvInteger": OperatorEntry([10]) { operation in
            let (x, w) = try integerOperands(operation)
            return [try convolved(operation, x, w, bias: nil, type: .int32)]
        },
    ]

    // MARK: To the grid

    /// `round(x / s) + z` within the type, of two as near the even one where everything is known, and the larger one on secrets.
    ///
    /// - Parameter byReciprocals: The second input is 1 / s, of a secret constant that its owner has inverted.
    static func quantized(_ operation: Operation, byReciprocals: Bool) throws -> Value {
        let x = try operation.number(0)
        if operation.isOfTrainedModel {
            throw operation.unsupported(
                "it rounds to a grid, which has no gradient: quantised networks can't be trained"
            )
        }
        let type = try gridType(operation, zeroPoint: operation.optional(2))
        guard let levels = type.levels else {
            throw operation.unsupported(
                "it rounds to \(type.rawValue); whole numbers of 4, 8 and 16 bits are computed here"
            )
        }
        let grid = try QuantizationGrid(operation, of: x.shape, integers: type)
        if let plain = try Value.plain([x, grid.scale] + (grid.zeroPoint.map { [$0] } ?? []), x.shape) {
            return try plain.value(type, x.shape) { tensors in
                let scales = try QuantizationGrid.spread(tensors[1], to: x.shape)
                let zeros = try tensors.count > 2 ? QuantizationGrid.spread(tensors[2], to: x.shape) : nil
                let numbers = tensors[0].doubles.indices.map { index -> Int64 in
                    let quotient =
                        byReciprocals
                        ? tensors[0].doubles[index] * scales[index] : tensors[0].doubles[index] / scales[index]
                    let level = quotient.rounded(.toNearestOrEven) + (zeros?[index] ?? 0)
                    // What is no number is none of the grid either; 0 is as good as any.
                    return level.isNaN
                        ? 0 : Int64(min(max(level, Double(levels.lowerBound)), Double(levels.upperBound)))
                }
                return Tensor(numbers, shape: x.shape)
            }
        }
        var quotient: CrypTensor
        let real = try x.expression()
        if let known = grid.scale.knownTensor {
            quotient = real.toReal() * known.mapped { byReciprocals ? $0 : 1 / $0 }
        } else {
            let scale = try grid.scale.expression()
            quotient = byReciprocals ? real * scale : Self.quotient(real.toReal(), by: scale)
        }
        if let zeroPoint = try grid.zeroPoint?.expression() { quotient = quotient + zeroPoint.toReal() }
        return Value(type, try CrypTenONNX.checked(held(quotient, levels)))
    }

    /// The type of a grid: its zero point's, or what an attribute says; uint8 without either.
    static func gridType(_ operation: Operation, zeroPoint: Value?) throws -> ONNXElementType {
        let asked = try operation.int("output_dtype", default: 0)
        let named = asked == 0 ? nil : try elementType(asked, of: operation)
        guard let zeroPoint = zeroPoint?.type else { return named ?? .uint8 }
        guard named == nil || named == zeroPoint else {
            throw operation.malformed(
                "its zero point is \(zeroPoint.rawValue), and its output shall be \(named?.rawValue ?? "")"
            )
        }
        return zeroPoint
    }

    /// The whole number nearest to a real one, within the ends.
    ///
    /// All comparisons read the number as it comes, so that they take their rounds beside those of the rounding.
    static func held(_ x: CrypTensor, _ levels: ClosedRange<Int64>) -> CrypTensor {
        guard x.kind == .real else {
            return x.clamp(min: Double(levels.lowerBound), max: Double(levels.upperBound))
        }
        let raised = x + 0.5
        if raised.error != nil { return raised }
        let whole = raised.applying(.floor)
        func end(_ level: Int64) -> CrypTensor {
            CrypTensor(constant: Tensor([level], shape: [])).broadcast(to: whole.shape)
        }
        let isBelow = raised .< Double(levels.lowerBound)
        let isAbove = raised .>= Double(levels.upperBound + 1)
        return whole + isBelow.applying(.select, end(levels.lowerBound) - whole)
            + isAbove.applying(.select, end(levels.upperBound) - whole)
    }

    /// A quotient by a scale that comes with the run and is secret: for scales of 2⁻¹⁴ to 2²⁰.
    private static func quotient(_ x: CrypTensor, by scale: CrypTensor) -> CrypTensor {
        x.divided(by: scale, range: 0x1p-14...0x1p20, isSigned: false)
    }

    // MARK: From the grid

    /// `(q − z) · s`
    private static func dequantized(_ operation: Operation) throws -> [Value] {
        let q = try operation.input(0)
        guard q.type.kind == .integer, q.type.levels != nil || q.type == .int32 else {
            throw operation.unsupported(
                "it reads \(q.type.rawValue); whole numbers of 4, 8, 16 and 32 bits are computed here"
            )
        }
        let grid = try QuantizationGrid(operation, of: q.shape, integers: q.type)
        var type = grid.scale.type
        if case let asked = try operation.int("output_dtype", default: 0), asked != 0 {
            type = try elementType(asked, of: operation)
            guard type.kind == .real else {
                throw operation.malformed("its output shall be \(type.rawValue), which is no float")
            }
        }
        if let plain = try Value.plain([q, grid.scale] + (grid.zeroPoint.map { [$0] } ?? []), q.shape) {
            return [
                try plain.value(type, q.shape) { tensors in
                    let scales = try QuantizationGrid.spread(tensors[1], to: q.shape)
                    let zeros = try tensors.count > 2 ? QuantizationGrid.spread(tensors[2], to: q.shape) : nil
                    let levels = tensors[0].doubles
                    return Tensor(levels.indices.map { (levels[$0] - (zeros?[$0] ?? 0)) * scales[$0] }, shape: q.shape)
                }
            ]
        }
        let levels = try centred(q, grid.zeroPoint)
        if let known = grid.scale.knownTensor { return [Value(type, try CrypTenONNX.checked(levels.toReal() * known))] }
        return [Value(type, try CrypTenONNX.checked(levels * (try grid.scale.expression())))]
    }

    /// `q − z`, whole numbers.
    static func centred(_ q: Value, _ zeroPoint: Value?) throws -> CrypTensor {
        guard let zeroPoint else { return try q.expression() }
        return try CrypTenONNX.checked(try q.expression() - (try zeroPoint.expression()))
    }

    // MARK: A grid of the numbers themselves

    /// Levels, scale, zero point, and the range D that the scale is a 255th of: what holds all numbers of the tensor, and 0.
    static func dynamicallyQuantized(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        guard x.shape.count > 0 else { throw operation.mismatch("shape \(x.shape) has no elements") }
        let flat = try x.reshaped([1, x.shape.count])
        return try Value.computed([flat], [.uint8, .float, .uint8, .float]) { operands in
            let row = operands[0]
            let zero = CrypTensor(constant: Tensor([0.0], shape: [1, 1]))
            let ends = concatenate([concatenate([row, -row], axis: 0), zero.broadcast(to: [2, 1])], axis: 1)
                .applying(.maximum(axis: 1))
            let (high, low) = (ends.narrow(axis: 0, start: 0, length: 1), ends.narrow(axis: 0, start: 1, length: 1))
            let range = high + low
            // All numbers, and the distance of 0 from the low end, in levels.
            let all = concatenate([row, low.reshape([1, 1])], axis: 1) * 255.0
            // A quotient is right to a thousandth, a quarter of a level: what it leaves is divided once more.
            func divided(_ x: CrypTensor) -> CrypTensor {
                x.divided(by: range.reshape([1, 1]), range: 0x1p-12...0x1p24, isSigned: false)
            }
            let nearly = divided(all)
            let levels = nearly + divided(all - nearly * range.reshape([1, 1]))
            let zeroPoint = held(levels.narrow(axis: 1, start: x.shape.count, length: 1), 0...255)
            let rounded = levels.narrow(axis: 1, start: 0, length: x.shape.count)
            let held = held(rounded + zeroPoint.toReal(), 0...255)
            return [
                held.reshape(x.shape), (range * (1.0 / 255)).reshape([]), zeroPoint.reshape([]), range.reshape([]),
            ]
        }
    }

    // MARK: Products of whole numbers

    /// Both operands less their zero points: a number, or one for each row of the first and each column of the second.
    private static func integerOperands(_ operation: Operation) throws -> (Value, Value) {
        let isConvolution = operation.node.operation == "ConvInteger"
        func operand(_ position: Int) throws -> Value {
            let value = try operation.input(position)
            guard value.type == .int8 || value.type == .uint8 else {
                throw operation.unsupported(
                    "input \(position) is \(value.type.rawValue); int8 and uint8 are multiplied here"
                )
            }
            guard var zeroPoint = operation.optional(position + 2) else { return value.retyped(.int32) }
            guard zeroPoint.type == value.type else {
                throw operation.malformed(
                    "input \(position) is \(value.type.rawValue), and its zero point \(zeroPoint.type.rawValue)"
                )
            }
            if zeroPoint.shape.count == 1 {
                zeroPoint = try zeroPoint.reshaped([])
            } else if zeroPoint.shape.rank == 1 {
                if isConvolution {
                    zeroPoint = try zeroPoint.reshaped(
                        Shape([zeroPoint.shape.count] + [Int](repeating: 1, count: max(0, value.shape.rank - 1)))
                    )
                } else if position == 0 {
                    zeroPoint = try zeroPoint.reshaped([zeroPoint.shape.count, 1])
                }
            }
            guard Shape.broadcast(value.shape, zeroPoint.shape) == value.shape else {
                throw operation.malformed(
                    "a zero point of shape \(zeroPoint.shape) doesn't belong to shape \(value.shape)"
                )
            }
            return try Value.combined(value.retyped(.int32), zeroPoint.retyped(.int32), .subtract)
        }
        return (try operand(0), try operand(1))
    }
}

extension Tensor {
    /// A function of every number, in double.
    func mapped(_ function: (Double) -> Double) -> Tensor {
        Tensor(doubles.map(function), shape: shape)
    }
}
