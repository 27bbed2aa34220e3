import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Maxima along an axis: a tournament of groups of up to four, all comparisons of a group at once.
///
/// A level is one masking of its operands and one `MaximumGate` for each size of group: five openings for four times
/// fewer values. Groups are runs of neighbours and the lowest index wins within one, so it wins over all.
extension Lowering {
    mutating func lowerMaximum(_ index: Int, axis: Int) {
        let (slot, scale, _) = tournament(index, axis: axis, withIndex: false)
        setShare(index, slot, scale: scale)
    }

    mutating func lowerArgmax(_ index: Int, axis: Int) {
        let (_, _, winner) = tournament(index, axis: axis, withIndex: true)
        guard let winner else { preconditionFailure("the tournament was asked for the index") }
        setShare(index, winner, scale: 0)
    }

    /// Sizes of the groups of a tournament's first level: as few levels as fours allow, and of those the cheapest.
    ///
    /// A group compares all its pairs, so smaller ones cost less for each value that they remove: 100 values go by threes,
    /// threes, threes and a four.
    static func groupSizes(_ count: Int) -> [Int] {
        var best = Tournament()
        return best.sizes(count, by: best.size(count, levels: Tournament.levels(count)))
    }

    /// Searches the sizes of groups, level by level.
    private struct Tournament {
        private struct Key: Hashable {
            var count: Int
            var levels: Int
        }

        private var known: [Key: (cost: Double, size: Int)] = [:]

        /// Bytes dealt for the maximum of so many, per element.
        private static let dealt = [2: 57, 3: 156.6, 4: 296.25]

        static func levels(_ count: Int) -> Int {
            var (levels, reach) = (0, 1)
            while reach < count { (levels, reach) = (levels + 1, reach * 4) }
            return levels
        }

        /// The size of most groups.
        mutating func size(_ count: Int, levels: Int) -> Int {
            search(count, levels: levels).size
        }

        private mutating func search(_ count: Int, levels: Int) -> (cost: Double, size: Int) {
            if count == 1 { return (0, 1) }
            let key = Key(count: count, levels: levels)
            if let found = known[key] { return found }
            var found = (cost: Double.infinity, size: min(count, 4))
            for size in 2...4 {
                let groups = sizes(count, by: size)
                guard Tournament.levels(groups.count) < levels else { continue }
                let cost =
                    groups.reduce(0) { $0 + (Tournament.dealt[$1] ?? .infinity) }
                    + search(groups.count, levels: levels - 1).cost
                if cost < found.cost { found = (cost, size) }
            }
            known[key] = found
            return found
        }

        /// Groups of a size; where one value would be left alone, it joins others.
        func sizes(_ count: Int, by size: Int) -> [Int] {
            if count <= size { return [count] }
            let (full, rest) = count.quotientAndRemainder(dividingBy: size)
            let alone = [2: [3], 3: [2, 2], 4: [3, 2]]
            return rest == 1
                ? Array(repeating: size, count: full - 1) + (alone[size] ?? [size + 1])
                : Array(repeating: size, count: full) + (rest > 0 ? [rest] : [])
        }
    }

    /// - Returns: shares of the maximum and of the winner's index.
    private mutating func tournament(_ index: Int, axis: Int, withIndex: Bool) -> (Int, Int, Int?) {
        let input = entry(index).inputs[0]
        let rest = entry(index).shape
        let base = wireReadOften(input)
        var scale = base.scale
        var values = base.slot
        var indices: Int?
        var shape = entry(input).shape
        if shape[axis] == 1 {
            let share = sharesHeld(values) ? Scaled(slot: unmask(values), scale: scale) : reducedShare(input)
            scale = share.scale
            let value = linear(.reshape(rest), .share, [share.slot], rest)
            return (value, scale, withIndex ? linear(.combine(factors: [0]), .share, [value], rest) : nil)
        }
        while true {
            let level = play(values, indices, shape, axis: axis, withIndex: withIndex)
            shape = level.shape
            if shape[axis] == 1 {
                let value = linear(.reshape(rest), .share, [level.maxima], rest)
                return (value, scale, level.indices.map { linear(.reshape(rest), .share, [$0], rest) })
            }
            values = mask(Scaled(slot: level.maxima, scale: scale), shape).slot
            indices = level.indices.map { mask(Scaled(slot: $0, scale: 0), shape).slot }
        }
    }

    /// One level: wires of a shape to shares of the one with a place for each group along the axis.
    private mutating func play(
        _ values: Int,
        _ indices: Int?,
        _ shape: Shape,
        axis: Int,
        withIndex: Bool
    ) -> (maxima: Int, indices: Int?, shape: Shape) {
        let sizes = Lowering.groupSizes(shape[axis])
        var maxima: [Int] = []
        var winners: [Int] = []
        var start = 0
        var position = 0
        while position < sizes.count {
            // All groups of one size are one gate.
            let size = sizes[position]
            let groups = sizes[position...].prefix { $0 == size }.count
            let made = shape.replacing(axis: axis, with: groups)
            let payload: MaximumGate.Payload =
                !withIndex ? .none : indices == nil ? .constants((0..<size).map(UInt64.init)) : .wires(sharesHeld: true)
            let gate = MaximumGate(shape: made, operands: size, sharesHeld: sharesHeld(values), payload: payload)
            let operands = [values, indices].compactMap { $0 }.flatMap { wire in
                (0..<size).map { slices(wire, axis: axis, from: start + $0, step: size, made) }
            }
            let outputs = emit(.maximum(gate), operands, outputs: withIndex ? 2 : 1, .share, made)
            maxima.append(outputs[0])
            if withIndex {
                winners.append(indices == nil ? offset(outputs[1], from: start, step: size, made, axis) : outputs[1])
            }
            start += size * groups
            position += groups
        }
        let shape = shape.replacing(axis: axis, with: sizes.count)
        return (join(maxima, shape, axis), withIndex ? join(winners, shape, axis) : nil, shape)
    }

    /// Every `step`-th slice along an axis.
    private mutating func slices(_ wire: Int, axis: Int, from start: Int, step: Int, _ shape: Shape) -> Int {
        let at = { (position: Int, others: Int) in (0..<shape.rank).map { $0 == axis ? position : others } }
        return linear(.slice(starts: at(start, 0), steps: at(step, 1), shape: shape), .wire, [wire], shape)
    }

    private mutating func join(_ parts: [Int], _ shape: Shape, _ axis: Int) -> Int {
        parts.count == 1 ? parts[0] : linear(.concatenate(axis: axis), .share, parts, shape)
    }

    /// Positions within groups as positions along the axis: group g begins at `start + g · step`.
    private mutating func offset(_ winners: Int, from start: Int, step: Int, _ shape: Shape, _ axis: Int) -> Int {
        let (outer, groups, inner) = shape.around(axis: axis)
        var words: [UInt64] = []
        words.reserveCapacity(shape.count)
        for _ in 0..<outer {
            for group in 0..<groups { words += repeatElement(UInt64(start + group * step), count: inner) }
        }
        let slot = constant(RingTensor(words, shape: shape), kind: .integer, scale: 0)
        return emit(.addPlain(AddPlainGate(form: .share)), [winners, slot], .share, shape)
    }
}
