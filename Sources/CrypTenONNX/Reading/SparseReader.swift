internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What sparse tensors of a model may take when they are written out: their zeros take no byte of the file.
struct SparseBudget {
    /// Elements that no number stands behind, of all sparse tensors together.
    private var left = 1 << 22
    /// Elements for each number that a file has.
    private static let factor = 1 << 10

    mutating func takes(_ count: Int, numbers: Int) -> Bool {
        let free = max(0, count - numbers * SparseBudget.factor)
        guard free <= left else { return false }
        left -= free
        return true
    }
}

/// Sparse tensors are read as dense ones: where their numbers stand is as secret as the numbers.
extension TensorReader {
    /// - Throws: `CrypTenError.Code.malformedFile` where positions lie outside the shape, stand twice, or aren't as many as the numbers;
    ///   where the shape is much larger than what the numbers justify.
    func read(
        _ sparse: Onnx_SparseTensorProto,
        name: String,
        _ budget: inout SparseBudget
    ) throws -> (type: ONNXElementType, shape: Shape, tensor: Tensor?) {
        let (type, values, numbers) = try TensorReader(file: file, allowsMissingNumbers: false).read(
            sparse.values,
            name: name
        )
        let (kind, indices, places) = try TensorReader(file: file, allowsMissingNumbers: false).read(
            sparse.indices,
            name: "\(name)'s positions"
        )
        guard let numbers, values.rank == 1, kind == .int64, let places = places?.integers else {
            throw file.problem.malformed("sparse tensor \(name) needs a list of numbers, and positions of type int64")
        }
        guard let dimensions = sparse.dims.map({ Int(exactly: $0) }) as? [Int],
            let shape = try? Shape(checking: dimensions)
        else {
            throw file.problem.malformed("sparse tensor \(name) has extents \(sparse.dims), which aren't a shape")
        }
        guard indices == [values.count] || indices == [values.count, shape.rank] else {
            throw file.problem.malformed(
                "sparse tensor \(name) of shape \(shape) has \(values.count) numbers, and positions of shape \(indices)"
            )
        }
        guard budget.takes(shape.count, numbers: values.count) else {
            throw file.problem.malformed(
                "sparse tensor \(name) of shape \(shape) has \(values.count) numbers: so many zeros aren't written out"
            )
        }
        let strides = indices.rank == 1 ? [1] : shape.strides
        let extents = indices.rank == 1 ? [shape.count] : shape.dimensions
        var positions: [Int] = []
        positions.reserveCapacity(values.count)
        for number in 0..<values.count {
            var position = 0
            for axis in extents.indices {
                let place = Int(places[number * extents.count + axis])
                guard (0..<extents[axis]).contains(place) else {
                    throw file.problem.malformed(
                        "sparse tensor \(name) of shape \(shape) has a position outside of it, its number \(number)"
                    )
                }
                position += place * strides[axis]
            }
            positions.append(position)
        }
        guard Set(positions).count == positions.count else {
            throw file.problem.malformed("sparse tensor \(name) has two numbers at one position")
        }
        return (type, shape, Tensor(numbers.elements.spread(to: positions, count: shape.count), shape: shape))
    }
}

extension Tensor.Elements {
    /// As many zeros, with these elements at the given positions.
    fileprivate func spread(to positions: [Int], count: Int) -> Tensor.Elements {
        func spread<Number>(_ numbers: [Number], _ zero: Number) -> [Number] {
            var all = [Number](repeating: zero, count: count)
            for (position, number) in zip(positions, numbers) { all[position] = number }
            return all
        }
        return switch self {
        case .float(let numbers): .float(spread(numbers, 0))
        case .double(let numbers): .double(spread(numbers, 0))
        case .int32(let numbers): .int32(spread(numbers, 0))
        case .int64(let numbers): .int64(spread(numbers, 0))
        case .bool(let numbers): .bool(spread(numbers, false))
        }
    }
}
