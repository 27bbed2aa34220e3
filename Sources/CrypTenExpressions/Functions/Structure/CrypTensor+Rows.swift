import CrypTenBase
import CrypTenRing

extension CrypTensor {
    /// Rows along the first axis, such as a batch of training data.
    ///
    /// Of what a session keeps, as `hold` or `evaluate` gave it, every member gathers them from what it has: nothing is sent and nothing is
    /// dealt for it, and the plan says how many rows there are, and not which. So a loop over batches has one plan. The numbers of the rows
    /// are public; the dealer learns them, too. Of other tensors this is `take(_:axis:)` along the first axis.
    ///
    /// - Parameter rows: Positions in the plan's order; negative ones count from the end. One may come twice.
    /// - Returns: A tensor of `rows.count` rows; it carries an error where a position isn't one of a row.
    /// - Complexity: of kept values local; no round.
    public func rows(_ rows: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard rank > 0 else {
                throw CrypTenError(.shapeMismatch, "a tensor of one number has no rows")
            }
            let extent = shape[0]
            let positions = rows.map { $0 < 0 ? $0 &+ extent : $0 }
            if let stranger = positions.firstIndex(where: { !(0..<extent).contains($0) }) {
                throw CrypTenError(.invalidArgument, "there is no row \(rows[stranger]) of shape \(shape)")
            }
            let chosen: (number: Int, rows: [Int])
            switch node.operation {
            case .kept(let number):
                chosen = (number, positions)
            case .keptRows(let number, let earlier):
                chosen = (number, positions.map { earlier[$0] })
            default:
                return applying(.take(axis: 0, indices: positions), at: origin)
            }
            return CrypTensor(
                Node(
                    source: .keptRows(number: chosen.number, rows: chosen.rows),
                    shape: try Shape(checking: [rows.count] + shape.dimensions.dropFirst()),
                    kind: kind,
                    visibility: .secret,
                    session: node.session,
                    origin: origin,
                    layer: node.layer
                )
            )
        }
    }
}

extension Tensor {
    /// Rows along the first axis, in the order of their positions.
    package func rows(_ rows: [Int]) -> Tensor {
        let each = shape.count / max(1, shape[0])
        func taken<Number>(_ values: [Number]) -> [Number] {
            var out: [Number] = []
            out.reserveCapacity(rows.count * each)
            for row in rows { out += values[row * each..<(row + 1) * each] }
            return out
        }
        let elements: Elements =
            switch elements {
            case .float(let values): .float(taken(values))
            case .double(let values): .double(taken(values))
            case .int32(let values): .int32(taken(values))
            case .int64(let values): .int64(taken(values))
            case .bool(let values): .bool(taken(values))
            }
        return Tensor(elements, shape: shape.withRows(rows.count))
    }
}
