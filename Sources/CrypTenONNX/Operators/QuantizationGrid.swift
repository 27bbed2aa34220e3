internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// The grid of a `QuantizeLinear` or `DequantizeLinear`: x = s · (q − z) for whole q of a type, with one s and z for all
/// elements, for each slice of an axis, or for each block along it.
struct QuantizationGrid {
    /// In a shape that broadcasts with the elements'.
    let scale: Value
    /// In the same shape; nil stands for 0.
    let zeroPoint: Value?

    /// Reads a node's second and third input beside its first.
    ///
    /// - Parameter integers: The type of the whole numbers, which zero points have, too.
    /// - Throws: `.malformedFile` for another type of zero points, an axis that isn't there, or blocks that don't fit.
    init(_ operation: Operation, of shape: Shape, integers type: ONNXElementType) throws {
        let scale = try operation.real(1)
        let zeroPoint = operation.optional(2)
        if let zeroPoint {
            guard zeroPoint.type == type else {
                throw operation.malformed(
                    "its zero point is \(zeroPoint.type.rawValue), and what it belongs to \(type.rawValue): they must be of one type"
                )
            }
            guard zeroPoint.shape == scale.shape || (zeroPoint.shape.count == 1 && scale.shape.count == 1) else {
                throw operation.malformed(
                    "its zero point of shape \(zeroPoint.shape) doesn't belong to a scale of shape \(scale.shape)"
                )
            }
        }
        let block = try operation.int("block_size", default: 0)
        try QuantizationGrid.check(scale, operation, isOfBlocks: block != 0)
        if block == 0, scale.shape.count == 1, scale.shape.rank <= 1 {
            self.scale = try scale.reshaped([])
            self.zeroPoint = try zeroPoint?.reshaped([])
            return
        }
        let axis = try operation.axis(try operation.int("axis", default: 1), rank: shape.rank)
        guard block != 0 else {
            guard scale.shape == [shape[axis]], operation.version >= 13 else {
                throw operation.malformed(
                    "its scale of shape \(scale.shape) is neither one number nor one for each of \(shape[axis]) slices of axis \(axis)"
                )
            }
            var spread = [Int](repeating: 1, count: shape.rank)
            spread[axis] = shape[axis]
            self.scale = try scale.reshaped(Shape(spread))
            self.zeroPoint = try zeroPoint?.reshaped(Shape(spread))
            return
        }
        var blocks = shape.dimensions
        guard (1...Shape.largestCount).contains(block), case let count = (shape[axis] + block - 1) / block,
            scale.shape.rank == shape.rank, scale.shape[axis] == count
        else {
            throw operation.malformed(
                "blocks of \(block) along axis \(axis) of shape \(shape) don't fit a scale of shape \(scale.shape)"
            )
        }
        blocks[axis] = count
        guard scale.shape == Shape(blocks) else {
            throw operation.malformed(
                "blocks of \(block) along axis \(axis) of shape \(shape) don't fit a scale of shape \(scale.shape)"
            )
        }
        let places = (0..<shape[axis]).map { $0 / block }
        self.scale = try scale.repeating(places, axis: axis)
        self.zeroPoint = try zeroPoint?.repeating(places, axis: axis)
    }

    /// - Throws: `.malformedFile` where numbers that are there aren't positive, or those of blocks aren't finite.
    static func check(_ scale: Value, _ operation: Operation, isOfBlocks: Bool) throws {
        guard let numbers = scale.numbers?.doubles else { return }
        if let index = numbers.firstIndex(where: { !$0.isFinite || ($0 <= 0 && !isOfBlocks) }) {
            throw operation.malformed(
                "its scale isn't a \(isOfBlocks ? "finite" : "positive") number at index \(index)"
            )
        }
    }

    /// What all elements are multiplied by or divided by, and what is added: as tensors in the elements' shape.
    static func spread(_ tensor: Tensor, to shape: Shape) throws -> [Double] {
        guard Shape.broadcast(tensor.shape, shape) == shape else {
            throw CrypTenError(.shapeMismatch, "a scale of shape \(tensor.shape) can't be repeated to \(shape)")
        }
        let ones = [Double](repeating: 0, count: shape.count)
        return broadcasting(ones, shape, tensor.doubles, tensor.shape, shape) { $1 }
    }
}

extension Value {
    /// The slices of an axis at the given places; of weights at once, however many they become.
    fileprivate func repeating(_ places: [Int], axis: Int) throws -> Value {
        guard case .weight(let weight) = content else { return try taking(places, axis: axis) }
        guard let tensor = weight.tensor else {
            var dimensions = shape.dimensions
            dimensions[axis] = places.count
            return Value(
                type,
                weight: Weight(shape: try Shape(checking: dimensions), tensor: nil, sources: weight.sources)
            )
        }
        let taken = try Value(type, known: tensor).taking(places, axis: axis)
        return Value(type, weight: Weight(shape: taken.shape, tensor: taken.knownTensor, sources: weight.sources))
    }
}

extension ONNXElementType {
    /// The whole numbers to which a quantisation rounds.
    var levels: ClosedRange<Int64>? {
        switch self {
        case .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16: integers
        default: nil
        }
    }
}
