package import CrypTenRing

/// `copy`, `take` and `sum`: elements in other places, which are copied when somebody reads them who can't read them where they lie.
extension DeviceKernels {
    package func gather(_ a: RingTensor, _ view: StridedView) -> RingTensor {
        precondition(view.fits(count: a.count), "a view of \(view.shape) beyond shape \(a.shape)")
        if staysOnHost(a), view.shape.count < settings.hostWords { return host.gather(a, view) }
        if case .repeating(let value)? = a.storage.unread { return RingTensor(repeating: value, shape: view.shape) }
        guard view.shape.count > 0 else { return RingTensor(uninitialized: view.shape) }
        let walk = DeviceWalk(view.shape.dimensions, to: view.shape.strides, from: view.strides)
        let isRun = walk.rank == 0 || walk.rank == 1 && walk.from == [1]
        if isRun, 2 * view.shape.count >= a.storage.count {
            // A run of elements is one where it lies; less than half of a storage would keep more from being given back than it needs.
            return RingTensor(storage: a.storage, firstWord: a.firstWord + view.offset, shape: view.shape)
        }
        let promise = ViewPromise(a, view, walk, self)
        return RingTensor(storage: Storage(.promise(promise), count: walk.count), firstWord: 0, shape: view.shape)
    }

    package func take(_ a: RingTensor, axis: Int, indices: [Int]) -> RingTensor {
        let (outer, extent, inner) = a.shape.around(axis: axis)
        precondition(indices.allSatisfy { (0..<extent).contains($0) }, "an index beyond the axis's extent \(extent)")
        let shape = a.shape.replacing(axis: axis, with: indices.count)
        if staysOnHost(a), shape.count < settings.hostWords { return host.take(a, axis: axis, indices: indices) }
        return onDevice(RingTensor(zeros: shape)) { call in
            let (out, to) = try call.tensor(shape)
            if shape.count > 0 {
                let arguments = TakeArguments(
                    to: to,
                    from: try call.place(of: a),
                    indices: try call.upload(indices.map { UInt64($0) }),
                    outer: UInt64(outer),
                    count: UInt64(indices.count),
                    extent: UInt64(extent),
                    inner: UInt64(inner)
                )
                try call.forEach(shape.count, "take", arguments)
            }
            return out
        }
    }

    package func concatenate(_ parts: [RingTensor], axis: Int) -> RingTensor {
        precondition(!parts.isEmpty, "nothing to concatenate")
        let total = parts.map { $0.shape[axis] }.reduce(0, +)
        let shape = parts[0].shape.replacing(axis: axis, with: total)
        precondition(
            parts.allSatisfy { $0.shape.replacing(axis: axis, with: total) == shape },
            "concatenating shapes \(parts.map(\.shape)) along axis \(axis)"
        )
        if areOnHost(parts, fewerThan: settings.hostWords) { return host.concatenate(parts, axis: axis) }
        let filled = parts.filter { $0.count > 0 }
        guard !filled.isEmpty else { return RingTensor(uninitialized: shape) }
        let promise = ConcatenationPromise(filled, outer: shape.around(axis: axis).outer, self)
        return RingTensor(storage: Storage(.promise(promise), count: shape.count), firstWord: 0, shape: shape)
    }

    package func pad(_ a: RingTensor, before: [Int], after: [Int], value: UInt64) -> RingTensor {
        let shape = a.shape.padded(before: before, after: after)
        let strides = shape.strides
        if staysOnHost(a), shape.count < settings.hostWords {
            return host.pad(a, before: before, after: after, value: value)
        }
        var out = RingTensor(repeating: value, shape: shape)
        guard a.count > 0 else { return out }
        onDevice(()) { call in
            let start = zip(before, strides).map { $0 * $1 }.reduce(0, +)
            let walk = DeviceWalk(a.shape.dimensions, to: strides, from: a.shape.strides)
            let from = try call.place(of: a)
            try call.update(&out) { try call.copy(walk, to: $0.advanced(words: start), from: from) }
        }
        return out
    }

    package func slab(_ a: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        precondition(range.lowerBound >= 0 && range.upperBound <= a.count, "\(range) lies outside \(a.count) elements")
        precondition(range.lowerBound % 64 == 0, "a slab starts at a multiple of 64, not at \(range.lowerBound)")
        let words = BitPlanes.words(for: range.count)
        if range == 0..<a.count { return a }
        if a.planes == 1, range.count % 64 == 0 || range.upperBound == a.count {
            // Neighbours, with no bits to clear: they are read where they lie.
            let first = a.firstWord + range.lowerBound / 64
            return BitPlanes(storage: a.storage, firstWord: first, planes: 1, count: range.count)
        }
        if staysOnHost(a) { return host.slab(a, range) }
        return onDevice(BitPlanes(zeros: a.planes, count: range.count)) { call in
            let (out, to) = try call.planes(a.planes, count: range.count)
            if out.wordCount > 0 {
                let walk = DeviceWalk([a.planes, words], to: [words, 1], from: [a.wordsPerPlane, 1])
                let from = try call.place(of: a).advanced(words: range.lowerBound / 64)
                try call.copy(walk, to: to, from: from)
                try call.clearTails(to, planes: a.planes, of: range.count)
            }
            return out
        }
    }

    package func sum(_ a: RingTensor, axes: [Int]) -> RingTensor {
        let shape = a.shape.reducing(axes, keepDimensions: false)
        let gone = Set(axes.map { $0 < 0 ? $0 + a.shape.rank : $0 })
        let order = a.shape.dimensions.indices.filter { !gone.contains($0) } + gone.sorted()
        let (strides, rank) = (a.shape.strides, shape.rank)
        func walk(_ axes: some Sequence<Int>) -> DeviceWalk {
            let steps = axes.map { strides[$0] }
            return DeviceWalk(axes.map { a.shape.dimensions[$0] }, to: steps, from: steps)
        }
        let (kept, summed) = (walk(order[..<rank]), walk(order[rank...]))
        if a.count == 0 { return RingTensor(zeros: shape) }
        if staysOnHost(a) { return host.sum(a, axes: axes) }
        return onDevice(RingTensor(zeros: shape)) { call in
            let from = try call.place(of: a)
            let (out, to) = try call.tensor(shape)
            if kept.rank <= AxisNumbers.most && summed.rank <= AxisNumbers.most {
                try call.sum(kept, summed, to: to, from: from)
            } else {
                // More axes than the kernel knows: brought into order first.
                let ordered = try call.room(a.count)
                try call.gather(from, .permuting(a.shape, axes: order), to: ordered)
                let terms = summed.count
                try call.sum(
                    DeviceWalk([kept.count], to: [terms], from: [terms]),
                    DeviceWalk([terms], to: [1], from: [1]),
                    to: to,
                    from: ordered
                )
            }
            return out
        }
    }
}

/// The places of elements on both sides of a copy, axis by axis: without axes of one element, and with neighbours that are walked as one joined.
struct DeviceWalk {
    private(set) var extents: [Int] = []
    /// How far a step along each axis leads, in words.
    private(set) var to: [Int] = []
    private(set) var from: [Int] = []

    init(_ extents: [Int], to: [Int], from: [Int]) {
        for ((extent, to), from) in zip(zip(extents, to), from) where extent != 1 {
            if let last = self.extents.indices.last, self.to[last] == to * extent, self.from[last] == from * extent {
                self.extents[last] *= extent
                (self.to[last], self.from[last]) = (to, from)
            } else {
                self.extents.append(extent)
                self.to.append(to)
                self.from.append(from)
            }
        }
    }

    var rank: Int {
        extents.count
    }

    /// How many elements are walked.
    var count: Int {
        extents.reduce(1, *)
    }

    /// Without the outermost axis.
    var inner: DeviceWalk {
        DeviceWalk(Array(extents.dropFirst()), to: Array(to.dropFirst()), from: Array(from.dropFirst()))
    }
}

extension DeviceCall {
    /// Copies elements; `to` and `from` are where the first one lies.
    func copy(
        _ walk: DeviceWalk,
        to: DeviceAddress,
        from: DeviceAddress,
        _ combination: Combination = .store
    ) throws {
        guard walk.count > 0 else { return }
        guard walk.rank <= AxisNumbers.most else {
            // Of more axes than the kernel knows the outermost is walked here.
            for index in 0..<walk.extents[0] {
                try copy(
                    walk.inner,
                    to: to.advanced(words: index * walk.to[0]),
                    from: from.advanced(words: index * walk.from[0]),
                    combination
                )
            }
            return
        }
        let arguments = CopyArguments(
            to: to,
            from: from,
            count: UInt64(walk.count),
            toOffset: 0,
            fromOffset: 0,
            extents: AxisNumbers(walk.extents, rest: 1),
            toSteps: AxisNumbers(walk.to, rest: 0),
            fromSteps: AxisNumbers(walk.from, rest: 0),
            combination: combination.rawValue
        )
        try forEach(walk.count, "copy", arguments)
    }

    /// The elements that a view names, one after the other.
    fileprivate func gather(_ from: DeviceAddress, _ view: StridedView, to: DeviceAddress) throws {
        try copy(
            DeviceWalk(view.shape.dimensions, to: view.shape.strides, from: view.strides),
            to: to,
            from: from.advanced(words: view.offset)
        )
    }

    /// The sums over the second walk that begin at the places of the first one.
    fileprivate func sum(_ kept: DeviceWalk, _ summed: DeviceWalk, to: DeviceAddress, from: DeviceAddress) throws {
        let (count, terms) = (kept.count, summed.count)
        // Neighbouring work-items share a sum whose terms are neighbours, or one of few.
        let isInside = summed.from.last == 1
        let width = terms < 64 || !isInside && count >= 1 << 12 ? 1 : terms < 2048 ? 32 : 256
        let arguments = SumArguments(
            to: to,
            from: from,
            count: UInt64(count),
            terms: UInt64(terms),
            keptExtents: AxisNumbers(kept.extents, rest: 1),
            keptSteps: AxisNumbers(kept.from, rest: 0),
            summedExtents: AxisNumbers(summed.extents, rest: 1),
            summedSteps: AxisNumbers(summed.from, rest: 0),
            width: UInt32(width)
        )
        try forEach(count * width, "sum", arguments)
    }
}
