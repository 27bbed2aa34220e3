internal import CrypTenBase
internal import CrypTenRing

/// Where every element of a rearranged tensor comes from: a position in the source, or −1 for a zero.
struct ClearPositions {
    let positions: [Int]

    /// Positions that grow by a stride along each axis.
    init(shape: Shape, offset: Int, strides: [Int]) {
        guard let inner = shape.dimensions.last, let step = strides.last else {
            positions = [offset]
            return
        }
        // Of no elements there may be many rows.
        if shape.count == 0 {
            positions = []
            return
        }
        if shape.count > 1, strides.allSatisfy({ $0 == 0 }) {
            positions = [Int](repeating: offset, count: shape.count)
            return
        }
        var positions: [Int] = []
        positions.reserveCapacity(shape.count)
        var index = [Int](repeating: 0, count: shape.rank)
        var start = offset
        for _ in 0..<shape.dimensions.dropLast().reduce(1, *) {
            for column in 0..<inner { positions.append(start + column * step) }
            var axis = shape.rank - 2
            while axis >= 0 {
                index[axis] += 1
                start += strides[axis]
                if index[axis] < shape[axis] { break }
                start -= strides[axis] * shape[axis]
                index[axis] = 0
                axis -= 1
            }
        }
        self.positions = positions
    }

    /// The positions for a structural primitive that has one source.
    ///
    /// - Throws: `CrypTenError.Code.invalidArgument` where an index of `gather` lies outside of the table.
    init(of operation: Primitive, from operands: [Tensor], shape: Shape) throws {
        let source = operands[0].shape
        switch operation {
        case .permute(let axes):
            self.init(shape: shape, offset: 0, strides: axes.map { source.strides[$0] })
        case .slice(let starts, let steps, _):
            let offset = (0..<source.rank).reduce(0) { $0 + starts[$1] * source.strides[$1] }
            self.init(shape: shape, offset: offset, strides: (0..<source.rank).map { steps[$0] * source.strides[$0] })
        case .broadcast:
            let new = shape.rank - source.rank
            let strides = (0..<shape.rank).map { axis in
                axis < new || source[axis - new] == 1 ? 0 : source.strides[axis - new]
            }
            self.init(shape: shape, offset: 0, strides: strides)
        case .pad(let before, _):
            var positions = [Int](repeating: -1, count: shape.count)
            let offset = (0..<shape.rank).reduce(0) { $0 + before[$1] * shape.strides[$1] }
            let inside = ClearPositions(shape: source, offset: offset, strides: shape.strides).positions
            for (from, to) in inside.enumerated() { positions[to] = from }
            self.init(positions: positions)
        case .take(let axis, let indices):
            self.init(source, axis: axis, indices: indices)
        case .gather(let axis):
            let indices = (operands[1].integers ?? []).map { Int($0) }
            if let wrong = indices.first(where: { !(0..<source[axis]).contains($0) }) {
                throw CrypTenError(
                    .invalidArgument,
                    "gather can't take index \(wrong) of axis \(axis) of shape \(source)"
                )
            }
            self.init(source, axis: axis, indices: indices)
        default:
            preconditionFailure("\(operation.name) doesn't rearrange one source")
        }
    }

    private init(positions: [Int]) {
        self.positions = positions
    }

    private init(_ source: Shape, axis: Int, indices: [Int]) {
        let inner = source.dimensions[(axis + 1)...].reduce(1, *)
        let outer = source.dimensions[..<axis].reduce(1, *)
        var positions: [Int] = []
        positions.reserveCapacity(outer * indices.count * inner)
        for block in 0..<outer {
            for index in indices {
                let start = (block * source[axis] + index) * inner
                positions.append(contentsOf: start..<start + inner)
            }
        }
        self.positions = positions
    }
}

extension Tensor.Elements {
    /// The elements at the given positions, and zeros for −1.
    func picking(_ positions: [Int]) -> Tensor.Elements {
        func pick<T>(_ values: [T], zero: T) -> [T] {
            values.withUnsafeBufferPointer { source in
                positions.map { $0 < 0 ? zero : source[$0] }
            }
        }
        switch self {
        case .float(let values): return .float(pick(values, zero: 0))
        case .double(let values): return .double(pick(values, zero: 0))
        case .int32(let values): return .int32(pick(values, zero: 0))
        case .int64(let values): return .int64(pick(values, zero: 0))
        case .bool(let values): return .bool(pick(values, zero: false))
        }
    }
}
