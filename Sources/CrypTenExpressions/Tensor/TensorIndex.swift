/// What a subscript takes along one axis.
public enum TensorIndex: Hashable, Sendable {
    /// One position; the axis disappears.
    ///
    /// A negative one counts from the end.
    case position(Int)
    /// Positions from `start` on, every `step`-th, before `end`, as in Python: negative bounds count from the end, nil
    /// is open, bounds outside are clamped, and a negative step runs backwards.
    case range(start: Int? = nil, end: Int? = nil, step: Int = 1)
    /// A new axis of extent 1.
    case newAxis
    /// All axes that the other indices don't name.
    case ellipsis

    /// The whole axis.
    public static let all = TensorIndex.range()
}

/// What can stand in a tensor's subscript: `x[0, 1..<3, 2...]`, `x[TensorIndex.ellipsis, -1]`.
public protocol TensorIndexing: Sendable {
    /// What it takes along its axis.
    var tensorIndex: TensorIndex { get }
}

extension TensorIndex: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        self
    }
}

extension Int: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .position(self)
    }
}

extension Range<Int>: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .range(start: lowerBound, end: upperBound)
    }
}

extension ClosedRange<Int>: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .range(start: lowerBound, end: [-1, Int.max].contains(upperBound) ? nil : upperBound + 1)
    }
}

extension PartialRangeFrom<Int>: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .range(start: lowerBound)
    }
}

extension PartialRangeUpTo<Int>: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .range(end: upperBound)
    }
}

extension PartialRangeThrough<Int>: TensorIndexing {
    /// What it takes along its axis.
    public var tensorIndex: TensorIndex {
        .range(end: [-1, Int.max].contains(upperBound) ? nil : upperBound + 1)
    }
}

extension TensorIndex {
    /// The first position, the step and the number of positions that a Python slice takes of an axis.
    static func positions(start: Int?, end: Int?, step: Int, extent: Int) -> (start: Int, count: Int) {
        let lowest = step > 0 ? 0 : -1
        let highest = step > 0 ? extent : extent - 1
        func bound(_ value: Int?, open: Int) -> Int {
            guard let value else { return open }
            let position = value < 0 && value >= -extent ? value + extent : (value < 0 ? lowest : value)
            return min(max(position, lowest), highest)
        }
        let first = bound(start, open: step > 0 ? 0 : extent - 1)
        let last = bound(end, open: step > 0 ? extent : -1)
        let distance = step > 0 ? last - first : first - last
        // A step as long as the axis takes one position, whatever it is; so no arithmetic overflows.
        let stride = Int(Swift.min(step.magnitude, UInt(extent + 1)))
        return (first, distance > 0 ? (distance - 1) / stride + 1 : 0)
    }
}
