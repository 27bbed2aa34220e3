public import CrypTen

extension Tensor {
    /// Some rows of a tensor, in the order in which they are asked for.
    public func rows(_ rows: some Sequence<Int>) -> Tensor {
        let rows = Array(rows)
        let width = shape.dimensions.dropFirst().reduce(1, *)
        let extents = Shape([rows.count] + shape.dimensions.dropFirst())
        func taken<Element>(_ values: [Element]) -> [Element] {
            rows.flatMap { values[$0 * width..<($0 + 1) * width] }
        }
        return switch elements {
        case .float(let values): Tensor(.float(taken(values)), shape: extents)
        case .double(let values): Tensor(.double(taken(values)), shape: extents)
        case .int32(let values): Tensor(.int32(taken(values)), shape: extents)
        case .int64(let values): Tensor(.int64(taken(values)), shape: extents)
        case .bool(let values): Tensor(.bool(taken(values)), shape: extents)
        }
    }

    /// Some columns of a matrix, which follow each other.
    public func columns(_ columns: Range<Int>) -> Tensor {
        let (numbers, width) = (doubles, shape[1])
        let taken = (0..<shape[0]).flatMap { row in columns.map { numbers[row * width + $0] } }
        return Tensor(taken, shape: [shape[0], columns.count])
    }

    /// The position of the largest number of each row of a matrix; of equal ones the first.
    public var rowWinners: [Int] {
        let (numbers, width) = (doubles, shape[1])
        return (0..<shape[0]).map { row in
            (0..<width).reduce(0) { numbers[row * width + $1] > numbers[row * width + $0] ? $1 : $0 }
        }
    }
}

/// Which part of some classes are the right ones.
public func share(of found: [Int], equalTo right: [Int]) -> Double {
    Double(zip(found, right).filter(==).count) / Double(right.count)
}

/// So many things dealt out to so many parties, in order and as evenly as they go: which each of them has.
public func evenParts(of count: Int, among parties: Int) -> [Range<Int>] {
    (0..<parties).map { count * $0 / parties..<count * ($0 + 1) / parties }
}
