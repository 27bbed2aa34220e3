internal import CrypTenBase
internal import CrypTenRing

/// Numbers that were made of one-hot rows, and those rows again: a place that is read needs no comparison then.
extension CrypTensor {
    /// The numbers that one-hot rows stand for: `[…, n]` to `[…]`, integers.
    ///
    /// Local. What reads a place by such a number, moved or not, reads it by the rows.
    public func places(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank > 0, kind != .real else {
                throw CrypTenError(
                    .invalidArgument,
                    "places can't use \(kind.rawValue) \(shape): it takes one-hot rows […, n] of bits or integers"
                )
            }
            let extent = shape[-1]
            let lead = try checkedShape(Array(shape.dimensions.dropLast()), in: "places")
            let numbers = CrypTensor(constant: Tensor(Array(0..<extent), shape: [extent, 1]), at: origin)
            return number(at: origin).reshaped([lead.count, extent], at: origin)
                .applying(.bilinear(.matmul(transposeLeft: false, transposeRight: false)), numbers, at: origin)
                .reshaped(lead, at: origin)
        }
    }

    /// The one-hot rows that these numbers were made of, `[…, n]`, where nothing has happened to them since but being moved: of words
    /// that their owner has expanded, and of the place of the largest, whose maximum found them. Nil where there are none.
    package func rowsOfPlaces(at origin: SourceOrigin? = nil) -> CrypTensor? {
        guard kind == .integer, error == nil else { return nil }
        let operands = node.inputs.map { CrypTensor($0) }
        func moved(_ body: (CrypTensor) -> CrypTensor) -> CrypTensor? { operands[0].rowsOfPlaces(at: origin).map(body) }
        switch node.operation {
        case .bilinear(.matmul(transposeLeft: false, transposeRight: false)):
            let extent = operands[1].shape[0]
            guard operands[1].shape == [extent, 1], operands[0].kind == .integer, operands[0].rank == 2,
                case .constant(let numbers) = operands[1].node.operation, let integers = numbers.integers,
                integers.enumerated().allSatisfy({ $0.element == $0.offset })
            else { return nil }
            return operands[0].reshaped([shape[0], 1, extent], at: origin)
        case .argmax(let axis):
            let rest = (0..<operands[0].rank).filter { $0 != axis }
            return operands[0].applying(.winners(axis: axis), at: origin).permuted(positions: rest + [axis], at: origin)
        case .reshape(let target):
            return moved { $0.reshaped(Shape(target.dimensions + [$0.shape[-1]]), at: origin) }
        case .permute(let axes):
            return moved { $0.permuted(positions: axes + [axes.count], at: origin) }
        case .slice(let starts, let steps, let target):
            return moved {
                $0.applying(
                    .slice(starts: starts + [0], steps: steps + [1], shape: Shape(target.dimensions + [$0.shape[-1]])),
                    at: origin
                )
            }
        case .broadcast(let target):
            // Missing axes of the operand stand in front, so the rows' own axis stays the last.
            return moved { $0.broadcasted(to: Shape(target.dimensions + [$0.shape[-1]]), at: origin) }
        case .take(let axis, let indices):
            return moved { $0.applying(.take(axis: axis, indices: indices), at: origin) }
        default:
            return nil
        }
    }

    /// One-hot rows for places from 0 on, `[…, count]`, of bits or integers: those that the places were made of, or by comparison. All zeros
    /// for a place that there isn't.
    ///
    /// Local where rows are known, else 4 rounds.
    package func rows(ofPlaces count: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        rowsOfPlaces(at: SourceOrigin(file: "\(file)", line: line))?.rows(fitting: count)
            ?? oneHot(count, file: file, line: line)
    }

    /// One-hot rows for places on an axis, `[…, extent]`, of bits or integers: those that the places were made of, or by comparison,
    /// where negative places count from the axis's end.
    ///
    /// Local where rows are known, else 4 rounds.
    package func rows(ofAxis extent: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            if let rows = rowsOfPlaces(at: origin) { return rows.fitted(to: extent, at: origin) }
            let isPlace = (self + CrypTensor(extent)).oneHot(2 * extent, file: file, line: line)
            if isPlace.error != nil { return isPlace }
            let fromEnd = isPlace.fitted(to: extent, at: origin)
            let start = [Int](repeating: 0, count: rank) + [extent]
            let fromStart = isPlace.applying(
                .slice(starts: start, steps: start.map { _ in 1 }, shape: fromEnd.shape),
                at: origin
            )
            return fromEnd.applying(.xor, fromStart, at: origin)
        }
    }

    /// The rows for the first places of an axis, or zeros behind them.
    package func rows(fitting extent: Int) -> CrypTensor {
        fitted(to: extent, at: node.origin)
    }

    /// The first of the last axis, or zeros behind it.
    func fitted(to extent: Int, at origin: SourceOrigin?) -> CrypTensor {
        if shape[-1] == extent { return self }
        let target = Shape(shape.dimensions.dropLast() + [extent])
        let zeros = [Int](repeating: 0, count: rank)
        guard shape[-1] > extent else {
            return applying(.pad(before: zeros, after: zeros.dropLast() + [extent - shape[-1]]), at: origin)
        }
        return applying(.slice(starts: zeros, steps: zeros.map { _ in 1 }, shape: target), at: origin)
    }
}
