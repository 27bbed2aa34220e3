import CrypTenDevice
import CrypTenRing
import Testing

/// What waits is computed with what reads it: the words stay what they are, and what nobody else looks at has no memory.
@Suite(
    "Operations put together",
    .enabled(if: !(usable.isEmpty && usableWithCUDA.isEmpty), "there is no device on this machine")
)
struct FusionTests {
    private static let native = NativeKernels(threads: 1)

    private static func observed() throws -> [(ObservedQueue, DeviceKernels)] {
        try queues.get().map { queue in
            let observed = ObservedQueue(queue)
            return (observed, DeviceKernels(queue: observed, settings: .everything))
        }
    }

    /// What is asked for by who reads the words of what a body makes, which are those of the processor; operands are on the device before.
    private func check(
        _ operands: [RingTensor],
        bits: [BitPlanes] = [],
        _ expected: ObservedQueue.Seen,
        _ body: (any Kernels, [RingTensor]) -> [RingTensor],
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let want = body(Self.native, operands).map(\.elements)
        for (queue, kernels) in try Self.observed() {
            for operand in operands { kernels.settle([kernels.add(operand, scalar: 1)]) }
            for bits in bits { kernels.settle([kernels.not(bits)]) }
            var results: [RingTensor] = []
            let before = queue.seen { results = body(kernels, operands) }
            #expect(before == ObservedQueue.Seen(), "before anything is read", sourceLocation: location)
            var words: [[UInt64]] = []
            let seen = queue.seen { words = results.map(\.elements) }
            #expect(words == want, sourceLocation: location)
            #expect(seen == expected, sourceLocation: location)
        }
    }

    @Test("what nobody else looks at stays in registers", arguments: [1, 255, 256, 257, 5000])
    func registers(count: Int) throws {
        var numbers = EdgeWords(1)
        let a = (0..<9).map { _ in numbers.tensor([count]) }
        // A tree: eight products wait at the same time.
        try check(a, .init(launches: ["elementwise": 1], words: count)) { kernels, a in
            var level = (0..<8).map { kernels.multiply(a[$0], a[$0 + 1]) }
            while level.count > 1 {
                level = stride(from: 0, to: level.count, by: 2).map {
                    kernels.subtract(level[$0], level[$0 + 1])
                }
            }
            return level
        }
        // A chain, each of whose steps changes a sum.
        try check(a, .init(launches: ["elementwise": 1], words: count)) { kernels, a in
            var sum = kernels.shiftRight(a[0], by: 3)
            for index in 1..<9 { kernels.accumulate(&sum, addingProductOf: a[index], a[index - 1]) }
            return [kernels.negate(sum)]
        }
    }

    @Test("what others look at is written by the kernel that computes it, once")
    func shared() throws {
        var numbers = EdgeWords(2)
        let a = (0..<3).map { _ in numbers.tensor([777]) }
        try check(a, .init(launches: ["elementwise": 1], words: 2 * 777)) { kernels, a in
            let inner = kernels.multiply(a[0], a[1])
            let between = kernels.add(inner, scalar: 7)
            return [kernels.subtract(between, a[2]), inner]
        }
        // Twice by one operation, which counts as others do.
        try check(a, .init(launches: ["elementwise": 1], words: 2 * 777)) { kernels, a in
            let inner = kernels.multiply(a[0], a[1])
            return [kernels.multiply(inner, inner)]
        }
        // Read first outside: what reads it then reads its words.
        try check(a, .init(launches: ["elementwise": 2], words: 2 * 777)) { kernels, a in
            let inner = kernels.multiply(a[0], a[1])
            return [inner, kernels.subtract(inner, a[2])]
        }
    }

    @Test("who gets a tensor after it was put together with others has its words")
    func copies() throws {
        var numbers = EdgeWords(3)
        let (a, b) = (numbers.tensor([300]), numbers.tensor([300]))
        for (_, kernels) in try Self.observed() {
            var results: [[UInt64]] = []
            var want: [[UInt64]] = []
            for (kernels, isWanted) in [(kernels as any Kernels, false), (Self.native, true)] {
                let inner = kernels.multiply(a, b)
                let outer = kernels.add(inner, scalar: 1)
                // Computes both; `inner` is looked at here.
                var words = [outer.elements]
                let late = inner
                var changed = late
                kernels.accumulate(&changed, adding: b)
                words += [late.elements, changed.elements, inner.flat(17..<250).elements]
                // `middle` is given up before anything is read; what was made of it is read twice.
                var middle: RingTensor? = kernels.subtract(a, b)
                let first = kernels.negate(middle!)
                let second = kernels.shiftLeft(middle!, by: 5)
                middle = nil
                words += [second.elements, first.elements, kernels.add(first, second).elements]
                if isWanted { want = words } else { results = words }
            }
            #expect(results == want)
        }
    }

    @Test("several threads may read at once what is made of one tensor that waits")
    func threads() async throws {
        var numbers = EdgeWords(13)
        let (a, b) = (numbers.tensor([2000]), numbers.tensor([2000]))
        for (_, kernels) in try Self.observed() {
            for round in 0..<30 {
                let shift = round % 64
                let shifted = Self.native.shiftRight(Self.native.multiply(a, b), by: shift)
                let want = Self.native.subtract(shifted, a).elements
                let inner = kernels.subtract(kernels.shiftRight(kernels.multiply(a, b), by: shift), a)
                await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<8 as Range<UInt64> {
                        group.addTask {
                            let outer = kernels.add(inner, scalar: number)
                            let part = kernels.negate(inner.flat(100..<1900))
                            return outer.elements == want.map { $0 &+ number }
                                && part.elements == want[100..<1900].map { 0 &- $0 }
                        }
                    }
                    for await equal in group { #expect(equal, "round \(round)") }
                }
            }
        }
    }

    @Test(
        "of a tensor that nobody else looks at, the part that is read is computed",
        arguments: [0, 64, 128, 129]
    )
    func parts(offset: Int) throws {
        var numbers = EdgeWords(4)
        let a = (0..<3).map { _ in numbers.tensor([1000]) }
        try check(a, .init(launches: ["elementwise": 1], words: 500)) { kernels, a in
            let part = kernels.add(kernels.multiply(a[0], a[1]), a[2]).flat(offset..<offset + 500)
            return [kernels.subtract(part, a[0].flat(3..<503))]
        }
        // Two parts: others look at it, so it is computed as a whole.
        try check(a, .init(launches: ["elementwise": 2], words: 1500)) { kernels, a in
            let whole = kernels.multiply(a[0], a[1])
            return [kernels.subtract(whole.flat(offset..<offset + 500), whole.flat(500..<1000))]
        }
    }

    @Test(
        "parts of what reads bits begin where a word of bits does, or it is computed as a whole",
        arguments: [64, 65]
    )
    func bits(offset: Int) throws {
        var numbers = EdgeWords(5)
        let a = (0..<2).map { _ in numbers.tensor([1000]) }
        let bits = BitPlanes(numbers.tensor([16]), planes: 1, count: 1000)
        let isWord = offset % 64 == 0
        try check(
            a,
            bits: [bits],
            .init(launches: ["elementwise": isWord ? 1 : 2], words: isWord ? 500 : 1500)
        ) { kernels, a in
            let part = kernels.keep(a[0], where: bits).flat(offset..<offset + 500)
            return [kernels.add(part, a[1].flat(7..<507))]
        }
    }

    @Test("what is dropped unread isn't computed")
    func dropped() throws {
        var numbers = EdgeWords(6)
        let a = [numbers.tensor([400])]
        try check(a, .init()) { kernels, a in
            let view = kernels.gather(
                kernels.negate(a[0]).reshaped(to: [20, 20]),
                .permuting([20, 20], axes: [1, 0])
            )
            _ = kernels.add(view, scalar: 3)
            return []
        }
    }

    /// Shapes, and those that they are repeated to: by rows, columns, blocks of rows, columns inside of blocks, all.
    private static let repetitions: [(Shape, Shape)] = [
        ([7], [5, 7]), ([5, 1], [5, 7]), ([3, 1, 7], [3, 5, 7]), ([5, 1], [3, 5, 7]), ([1], [3, 5, 7]),
        ([1, 1, 1], [4, 4, 4]),
        ([64], [33, 64]), ([33, 1], [33, 64]), ([2, 1, 31], [2, 65, 31]),
        ([1, 127, 1], [3, 127, 129]), ([300, 1], [300, 1]),
    ]

    @Test("repeated elements are read where they lie", arguments: repetitions.indices)
    func repeated(index: Int) throws {
        let (small, shape) = Self.repetitions[index]
        var numbers = EdgeWords(7)
        let a = [numbers.tensor(shape), numbers.tensor(small), numbers.tensor(small)]
        try check(a, .init(launches: ["elementwise": 1], words: shape.count)) { kernels, a in
            var sum = kernels.product(.multiply, a[0], a[1])
            kernels.accumulate(&sum, subtracting: kernels.broadcast(a[2], to: shape))
            kernels.accumulate(&sum, .multiply, a[2], a[0], subtracting: true)
            return [sum]
        }
        // Parts of them, that begin anywhere.
        for offset in [1, 5, 11, 13] where offset < shape.count {
            try check(a, .init(launches: ["elementwise": 1], words: shape.count - offset)) { kernels, a in
                let product = kernels.product(.multiply, a[0], a[1]).flat(offset..<shape.count)
                return [
                    kernels.add(
                        product,
                        kernels.broadcast(a[2], to: shape).flat(offset - 1..<shape.count - 1)
                    )
                ]
            }
        }
    }

    @Test(
        "elements in another order are read where they lie; many of them that several read are copied first"
    )
    func turned() throws {
        var numbers = EdgeWords(8)
        let a = [numbers.tensor([6, 10, 14]), numbers.tensor([14, 6, 10])]
        let view = StridedView.permuting([6, 10, 14], axes: [2, 0, 1])
        try check(a, .init(launches: ["elementwise": 1], words: 840)) { kernels, a in
            [kernels.subtract(kernels.gather(a[0], view), a[1])]
        }
        try check(a, .init(launches: ["elementwise": 1], words: 840)) { kernels, a in
            let turned = kernels.gather(a[0], view)
            return [kernels.multiply(turned, kernels.add(turned, a[1]))]
        }
        let many = [numbers.tensor([400, 331])]
        let turn = StridedView.permuting([400, 331], axes: [1, 0])
        try check(many, .init(launches: ["elementwise": 1], words: 132_400)) { kernels, a in
            [kernels.negate(kernels.gather(a[0], turn))]
        }
        try check(many, .init(launches: ["elementwise": 1, "copy": 1], words: 264_800)) { kernels, a in
            let turned = kernels.gather(a[0], turn)
            return [kernels.multiply(turned, kernels.add(turned, scalar: 1))]
        }
        // Runs: of most of a storage, and of a small part of it.
        for rows in [3..<10, 9..<10] {
            let part = StridedView.slicing(
                [10, 84],
                starts: [rows.lowerBound, 0],
                steps: [1, 1],
                shape: [rows.count, 84]
            )
            try check(a, .init(launches: ["elementwise": 1], words: part.shape.count)) { kernels, a in
                [kernels.negate(kernels.gather(a[0].reshaped(to: [10, 84]), part))]
            }
        }
        // Backwards along two axes, every second along the third.
        let flipped = StridedView.slicing(
            [6, 10, 14],
            starts: [5, 1, 13],
            steps: [-1, 2, -1],
            shape: [6, 5, 14]
        )
        try check(a, .init(launches: ["elementwise": 1], words: 419)) { kernels, a in
            [kernels.negate(kernels.gather(a[0], flipped).flat(1..<420))]
        }
    }

    @Test(
        "parts of what is put together are made where they are to lie, but for those that others look at"
    )
    func concatenated() throws {
        var numbers = EdgeWords(12)
        let a = (0..<3).map { _ in numbers.tensor([3, 100]) }
        // A difference, zeros, a repeated row and a transposed tensor: 930 words.
        try check(a, .init(launches: ["elementwise": 1, "fill": 1, "copy": 2], words: 930)) {
            kernels,
            a in
            let parts = [
                kernels.subtract(a[0], a[1]).flat(0..<300), RingTensor(zeros: [30]),
                kernels.broadcast(a[2].flat(5..<105), to: [3, 100]).flat(0..<300),
                kernels.gather(a[1], .permuting([3, 100], axes: [1, 0])).flat(0..<300),
            ]
            return [kernels.concatenate(parts, axis: 0)]
        }
        // One that is looked at, and one of which a part is meant.
        try check(a, .init(launches: ["elementwise": 2, "copy": 2], words: 400 + 300 + 300)) {
            kernels,
            a in
            let (looked, longer) = (kernels.add(a[0], a[1]), kernels.multiply(a[1], a[2]))
            let joined = kernels.concatenate([looked.flat(0..<300), longer.flat(17..<117)], axis: 0)
            return [joined, looked]
        }
        // Not one after the other, but side by side.
        try check(a, .init(launches: ["elementwise": 1, "copy": 2], words: 300 + 600)) { kernels, a in
            [kernels.concatenate([kernels.add(a[0], a[1]), a[2]], axis: 1)]
        }
    }

    @Test("more walks than a kernel knows, and of more axes, are copied first")
    func manyWalks() throws {
        var numbers = EdgeWords(9)
        let shape: Shape = [2, 3, 4, 5]
        let smalls: [Shape] = [
            [5], [4, 1], [3, 1, 1], [2, 1, 1, 1], [4, 5], [3, 4, 1], [2, 1, 4, 1],
        ]
        let a = [numbers.tensor(shape)] + smalls.map { numbers.tensor($0) }
        // Six have three axes at most, of which five are read where they lie; the seventh has four.
        try check(a, .init(launches: ["elementwise": 1, "copy": 2], words: 360)) { kernels, a in
            var sum = kernels.negate(a[0])
            for small in a.dropFirst() {
                kernels.accumulate(&sum, .multiply, small, a[0], subtracting: false)
            }
            return [sum]
        }
    }

    @Test("numbers are divided by multiplying, for all divisors that extents can be")
    func divisors() {
        var numbers = SeededNumbers(10)
        let edges = [
            1, 2, 3, 5, 7, 64, 127, 128, 129, 641, 768, 3072, 65_535, 65_536, 65_537, (1 << 30) - 1,
            1 << 30, (1 << 31) - 1,
        ]
        for d in edges + (0..<2000).map({ _ in Int(numbers.next() >> (33 + numbers.next() % 31)) + 1 })
        where d < 1 << 31 {
            let divisor = ElementWalk.Divisor(d)
            let most = (1 << 31) - 1
            let near = (0..<20).map { _ in Int(numbers.next() % UInt64(most / d + 1)) * d }
            for j in [0, 1, d - 1, d, most, most / d * d, most / d * d - 1] + near + near.map({ $0 - 1 })
                + near.map({ $0 + d - 1 })
            where (0...most).contains(j) {
                #expect(
                    Int((UInt64(j) * UInt64(divisor.factor)) >> UInt64(divisor.shift)) == j / d,
                    "\(j) / \(d)"
                )
            }
        }
    }
}
