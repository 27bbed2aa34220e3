import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// Maxima along an axis: a tournament of groups of up to four, all comparisons of a group at once.
///
/// A level is one masking of its operands and one `MaximumGate` for each size of group: five openings for four times
/// fewer values. Groups are runs of neighbours and the lowest index wins within one, so it wins over all.
///
/// The bits of who has won, which the gradient of a maximum asks for, are those of the levels: an element is the largest where it won
/// its group and its group has won. Of several levels that is an AND, one opening, beside what follows on the maximum.
extension Lowering {
    mutating func lowerMaximum(_ index: Int, axis: Int) {
        if values[index].share != nil { return }
        play(maximum: index, winners: partner(of: index, doing: .winners(axis: axis)), axis: axis)
    }

    mutating func lowerWinners(_ index: Int, axis: Int) {
        if values[index].bits != nil { return }
        play(maximum: partner(of: index, doing: .maximum(axis: axis)), winners: index, axis: axis)
    }

    mutating func lowerArgmax(_ index: Int, axis: Int) {
        let outcome = tournament(entry(index).inputs[0], axis: axis, withIndex: true, withWinners: false)
        guard let winner = outcome.index else { preconditionFailure("the tournament was asked for the index") }
        setShare(index, winner, scale: 0)
    }

    /// Another operation on the same operand.
    private func partner(of index: Int, doing operation: Primitive) -> Int? {
        consumers[entry(index).inputs[0]].first { entry($0).operation == operation }
    }

    private mutating func play(maximum: Int?, winners: Int?, axis: Int) {
        guard let reader = maximum ?? winners else { preconditionFailure("somebody asks for the outcome") }
        let outcome = tournament(entry(reader).inputs[0], axis: axis, withIndex: false, withWinners: winners != nil)
        if let maximum { setShare(maximum, outcome.maximum.slot, scale: outcome.maximum.scale) }
        if let winners { values[winners].bits = outcome.winners }
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

    /// What a tournament along an axis gives: shares of the maximum and of the winner's index, and the bit of each element.
    private struct Outcome {
        var maximum: Scaled
        var index: Int?
        var winners: Int?
    }

    private mutating func tournament(_ input: Int, axis: Int, withIndex: Bool, withWinners: Bool) -> Outcome {
        let base = wireReadOften(input)
        var scale = base.scale
        var values = base.slot
        var indices: Int?
        var shape = entry(input).shape
        let rest = shape.reducing([axis], keepDimensions: false)
        var path = withWinners ? WinnersPath(count: shape[axis]) : nil
        if shape[axis] == 1 {
            let share = sharesHeld(values) ? Scaled(slot: unmask(values), scale: scale) : reducedShare(input)
            scale = share.scale
            let value = linear(.reshape(rest), .share, [share.slot], rest)
            return Outcome(
                maximum: Scaled(slot: value, scale: scale),
                index: withIndex ? linear(.combine(factors: [0]), .share, [value], rest) : nil,
                winners: withWinners ? ones(shape) : nil
            )
        }
        while true {
            let level = play(values, indices, shape, axis: axis, withIndex: withIndex, withWinners: withWinners)
            path?.add(sizes: Lowering.groupSizes(shape[axis]), bits: level.winners)
            shape = level.shape
            if shape[axis] == 1 {
                let value = linear(.reshape(rest), .share, [level.maxima], rest)
                return Outcome(
                    maximum: Scaled(slot: value, scale: scale),
                    index: level.indices.map { linear(.reshape(rest), .share, [$0], rest) },
                    winners: path.map { winners(of: $0, entry(input).shape, axis) }
                )
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
        withIndex: Bool,
        withWinners: Bool
    ) -> (maxima: Int, indices: Int?, winners: [Int], shape: Shape) {
        let sizes = Lowering.groupSizes(shape[axis])
        var maxima: [Int] = []
        var winners: [Int] = []
        var bits: [Int] = []
        var start = 0
        var position = 0
        while position < sizes.count {
            // All groups of one size are one gate.
            let size = sizes[position]
            let groups = sizes[position...].prefix { $0 == size }.count
            let made = shape.replacing(axis: axis, with: groups)
            let payload: MaximumGate.Payload =
                !withIndex ? .none : indices == nil ? .constants((0..<size).map(UInt64.init)) : .wires(sharesHeld: true)
            let gate = MaximumGate(
                shape: made,
                operands: size,
                sharesHeld: sharesHeld(values),
                payload: payload,
                yieldsWinners: withWinners
            )
            let operands = [values, indices].compactMap { $0 }.flatMap { wire in
                (0..<size).map { slices(wire, axis: axis, from: start + $0, step: size, made) }
            }
            let outputs = (0..<gate.shares).map { _ in slot(.share, made) }
            var won = (0..<(withWinners ? size - 1 : 0)).map { _ in slot(.bits, made) }
            steps.append(
                PlanStep(gate: .maximum(gate), inputs: operands, outputs: outputs + won, layer: layer)
            )
            // The last one wins where no other does.
            if withWinners { won.append(linearBits(won, constant: true, made)) }
            bits += won
            maxima.append(outputs[0])
            if withIndex {
                winners.append(indices == nil ? offset(outputs[1], from: start, step: size, made, axis) : outputs[1])
            }
            start += size * groups
            position += groups
        }
        let shape = shape.replacing(axis: axis, with: sizes.count)
        return (join(maxima, shape, axis), withIndex ? join(winners, shape, axis) : nil, bits, shape)
    }

    /// Whom each element of an axis meets, level by level.
    private struct WinnersPath {
        /// For each level its bits, one slot for each place in the groups of a size, and for each element of the axis where its own is
        /// along the axis of all of them.
        private(set) var levels: [(bits: [Int], places: [Int])] = []
        /// The group in which each element is now.
        private var members: [Int]

        init(count: Int) {
            members = Array(0..<count)
        }

        mutating func add(sizes: [Int], bits: [Int]) {
            var (places, groups): ([Int], [Int]) = ([], [])
            var (start, first) = (0, 0)
            while first < sizes.count {
                let size = sizes[first]
                let run = sizes[first...].prefix { $0 == size }.count
                for group in 0..<run {
                    for place in 0..<size {
                        places.append(start + place * run + group)
                        groups.append(first + group)
                    }
                }
                start += size * run
                first += run
            }
            levels.append((bits, members.map { places[$0] }))
            members = members.map { groups[$0] }
        }
    }

    /// The bits of all elements of an axis.
    private mutating func winners(of path: WinnersPath, _ shape: Shape, _ axis: Int) -> Int {
        let levels = path.levels.map { level in
            let extent = level.bits.reduce(0) { $0 + slots[$1].shape[axis] }
            let all =
                level.bits.count == 1
                ? level.bits[0]
                : linear(.concatenate(axis: axis), .bits, level.bits, shape.replacing(axis: axis, with: extent))
            return linear(.take(axis: axis, indices: level.places), .bits, [all], shape)
        }
        return conjunction(levels, shape)
    }

    /// Bits that are 1.
    private mutating func ones(_ shape: Shape) -> Int {
        let words = constant(RingTensor(repeating: 1, shape: shape), kind: .integer, scale: 0)
        return emit(.promote(PromoteGate(shape: shape, asBits: true)), [words], .bits, shape)
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
