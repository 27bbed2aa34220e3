import CrypTenDevice
import CrypTenRing
import Testing

/// Programs of operations that wait, whose every step follows from a seed: with parts, repetitions, other orders, copies, results that are read
/// in between, and tensors that are given up at any time.
@Suite(
    "Random programs of operations that wait",
    .enabled(if: !(usable.isEmpty && usableWithCUDA.isEmpty), "there is no device on this machine")
)
struct RandomProgramTests {
    private struct Choices {
        private var numbers: SeededNumbers

        init(_ seed: UInt64) {
            numbers = SeededNumbers(seed)
        }

        mutating func below(_ count: Int) -> Int {
            Int((numbers.next() >> 11) % UInt64(count))
        }

        mutating func one<Element>(of all: [Element]) -> Element {
            all[below(all.count)]
        }
    }

    /// Tensors and planes of `rows · columns` elements, and what is made of them.
    private struct Program {
        let kernels: any Kernels
        var choices: Choices
        let (rows, columns): (Int, Int)
        var tensors: [RingTensor] = []
        var words: [[UInt64]] = []

        var shape: Shape { [rows, columns] }
        var count: Int { rows * columns }

        init(_ seed: UInt64, _ kernels: any Kernels) {
            self.kernels = kernels
            choices = Choices(seed)
            (rows, columns) = choices.one(of: [(3, 64), (64, 5), (7, 37), (1, 300), (128, 10), (33, 31)])
            var numbers = EdgeWords(seed)
            tensors = (0..<3).map { _ in numbers.tensor(shape) }
        }

        var any: RingTensor {
            mutating get { choices.one(of: tensors) }
        }

        /// A plane of bits of all elements.
        var bits: BitPlanes {
            mutating get { kernels.planes(of: any, from: 0, count: 1) }
        }

        mutating func step() {
            switch choices.below(18) {
            case 0: tensors.append(kernels.add(any, any))
            case 1: tensors.append(kernels.subtract(any, any))
            case 2: tensors.append(kernels.multiply(any, any))
            case 3: tensors.append(kernels.shiftRight(any, by: choices.below(64)))
            case 4: tensors.append(kernels.add(kernels.negate(any), scalar: UInt64(choices.below(9))))
            case 5:
                var sum = any
                kernels.accumulate(&sum, addingProductOf: any, any)
                tensors.append(sum)
            case 6:
                let place = choices.below(tensors.count)
                let a = any
                kernels.accumulate(&tensors[place], subtracting: a)
            case 7: repeated()
            case 8: turned()
            case 9, 10: parts()
            case 11: tensors.append(kernels.keep(any, where: bits))
            case 12:
                var sum = RingTensor(zeros: shape)
                kernels.accumulate(&sum, adding: any, times: 5)
                tensors.append(sum)
            case 13:
                // As a chain whose results in between nobody has.
                var sum = kernels.multiply(any, any)
                for _ in 0..<choices.below(20) { sum = kernels.subtract(kernels.multiply(sum, any), any) }
                tensors.append(sum)
            case 14: words.append(any.elements)
            default: if tensors.count > 2 { tensors.remove(at: choices.below(tensors.count)) }
            }
        }

        /// Rows, columns, single elements, repeated.
        private mutating func repeated() {
            let a = any
            let start = choices.below(count)
            let small: RingTensor
            switch choices.below(3) {
            case 0: small = kernels.sum(a, axes: [0]).reshaped(to: [1, columns])
            case 1: small = a.flat(0..<rows).reshaped(to: [rows, 1])
            default: small = a.flat(start..<start + 1)
            }
            if choices.below(2) == 0 {
                tensors.append(kernels.product(.multiply, small, any))
            } else {
                tensors.append(kernels.broadcast(small, to: shape))
            }
        }

        /// Transposed there, perhaps with something done to it, and back.
        private mutating func turned() {
            let turned = kernels.gather(any, .permuting(shape, axes: [1, 0]))
            let between = choices.below(2) == 0 ? turned : kernels.negate(turned)
            tensors.append(kernels.gather(between, .permuting([columns, rows], axes: [1, 0])))
        }

        /// Operations on parts, which are put together again.
        private mutating func parts() {
            let at = choices.below(2) == 0 ? choices.below(count) : choices.below(count) / 64 * 64
            let left = kernels.add(any.flat(0..<at), any.flat(count - at..<count))
            let right = kernels.multiply(any.flat(at..<count), any.flat(0..<count - at))
            tensors.append(kernels.concatenate([left, right], axis: 0).reshaped(to: shape))
        }

        mutating func run() -> [[UInt64]] {
            for _ in 0..<40 { step() }
            for tensor in tensors { words.append(tensor.elements) }
            return words
        }
    }

    @Test("make the words that a processor makes", arguments: [1, 2, 3, 4] as [UInt64])
    func elements(block: UInt64) throws {
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            for seed in 25 * block..<25 * (block + 1) {
                var (program, native) = (Program(seed, kernels), Program(seed, NativeKernels(threads: 1)))
                #expect(program.run() == native.run(), "program \(seed)")
            }
        }
    }

    /// Blocks of planes of `count` bits, and programs on them.
    private struct Logic {
        let kernels: any Kernels
        var choices: Choices
        let count: Int
        var blocks: [BitPlanes] = []
        var words: [[UInt64]] = []

        init(_ seed: UInt64, _ kernels: any Kernels) {
            self.kernels = kernels
            choices = Choices(seed)
            count = choices.one(of: [64, 128, 65, 200, 1000, 4096])
            var numbers = EdgeWords(seed)
            blocks = (0..<3).map { _ in
                BitPlanes(numbers.tensor([6 * BitPlanes.words(for: count)]), planes: 6, count: count)
            }
        }

        /// Some planes of a block.
        private mutating func planes(_ planes: Int) -> BitPlanes {
            let block = choices.one(of: blocks.filter { $0.planes >= planes })
            let first = choices.below(block.planes - planes + 1)
            return block[first..<first + planes]
        }

        mutating func step() {
            let size = 1 + choices.below(4)
            switch choices.below(13) {
            case 0: blocks.append(kernels.xor(planes(size), planes(size)))
            case 1: blocks.append(kernels.and(planes(size), planes(size)))
            case 2: blocks.append(kernels.not(planes(size)))
            case 3:
                var sum = planes(size)
                kernels.accumulate(&sum, xorAndOf: planes(size), planes(size))
                blocks.append(sum)
            case 4: blocks.append(kernels.stack([planes(size), planes(1), planes(2)]))
            case 5: blocks.append(kernels.subsetProducts(of: planes(4), starts: [0, 1, 2], size: 2))
            case 6: blocks.append(kernels.not(kernels.and(kernels.not(planes(6)), planes(6)))[1..<5])
            case 7: parts()
            case 8: words.append(planes(size).asWords.elements)
            case 9:
                let place = choices.below(blocks.count)
                let other = planes(1)
                if blocks[place].planes == 1 { kernels.accumulate(&blocks[place], xor: other) }
            default: if blocks.count > 3 { blocks.remove(at: 1 + choices.below(blocks.count - 1)) }
            }
        }

        /// Parts of a plane that begin where words do, changed and put together again.
        private mutating func parts() {
            let (plane, at) = (planes(1), 64 * choices.below((count + 63) / 64))
            let left = kernels.not(kernels.slab(plane, 0..<at))
            let right = kernels.slab(plane, at..<count)
            let joined = kernels.concatenate([left.asWords, kernels.not(right).asWords], axis: 0)
            blocks.append(kernels.planes(joined, planes: 1, count: count))
            if at > 0 {
                words.append(kernels.not(kernels.slab(plane, at - 64..<at - 1)).asWords.elements)
                words.append(kernels.slab(plane, at - 64..<at - 1).asWords.elements)
            }
        }

        mutating func run() -> [[UInt64]] {
            for _ in 0..<40 { step() }
            for block in blocks { words.append(block.asWords.elements) }
            return words
        }
    }

    @Test("of logic make the words that a processor makes", arguments: [1, 2, 3, 4] as [UInt64])
    func logic(block: UInt64) throws {
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            for seed in 25 * block..<25 * (block + 1) {
                var (program, native) = (Logic(seed, kernels), Logic(seed, NativeKernels(threads: 1)))
                #expect(program.run() == native.run(), "program \(seed)")
            }
        }
    }

    @Test("of logic: what nobody else looks at has no memory, and parts of it are computed alone")
    func registers() throws {
        var numbers = EdgeWords(11)
        let blocks = (0..<2).map { _ in BitPlanes(numbers.tensor([4 * 16]), planes: 4, count: 1000) }
        for queue in try queues.get() {
            let queue = ObservedQueue(queue)
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            kernels.settle([kernels.xor(blocks[0], blocks[1])])
            func check(
                _ words: Int,
                _ body: (any Kernels) -> [BitPlanes],
                _ location: SourceLocation = #_sourceLocation
            ) {
                let want = body(NativeKernels(threads: 1)).map(\.asWords.elements)
                // The program is brought to the device once.
                _ = body(kernels).map(\.asWords.elements)
                var made: [[UInt64]] = []
                let seen = queue.seen { made = body(kernels).map(\.asWords.elements) }
                #expect(made == want, sourceLocation: location)
                #expect(
                    seen.words == words && seen.launches["boolean_program"] == 1,
                    "\(seen)",
                    sourceLocation: location
                )
            }
            check(64) { [$0.xor($0.and(blocks[0], $0.not(blocks[1])), blocks[1])] }
            check(128) { kernels in
                let inner = kernels.and(blocks[0], blocks[1])
                return [kernels.not(inner), inner]
            }
            check(32) { [$0.xor($0.not($0.and(blocks[0], blocks[1]))[1..<3], blocks[0][0..<2])] }
            check(16) { kernels in
                let products = kernels.subsetProducts(
                    of: kernels.xor(blocks[0], blocks[1]),
                    starts: [0, 2],
                    size: 2
                )
                return [kernels.not(products[4])]
            }
        }
    }
}
