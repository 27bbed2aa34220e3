import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

/// Where no device is, the suites of CrypTenRingTests run without one, and these tests say by name what wasn't tested.
@Suite("A device under OpenCL", .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"))
struct OpenCLTests {
    @Test("compiles the kernels")
    func queues() throws {
        for device in usable { #expect(throws: Never.self) { try OpenCLQueue(device) } }
    }

    @Test("gives back what was copied to it, in the order of the queue")
    func copies() throws {
        let queue = try OpenCLQueue(usable[0])
        var numbers = SeededNumbers(1)
        for count in [1, 2, 511, 4097] {
            let words = (0..<count).map { _ in numbers.next() }
            let block = try queue.allocate(bytes: count * 8)
            #expect(block.bytes >= count * 8)
            try words.withUnsafeBytes { try queue.upload($0.baseAddress!, bytes: $0.count, to: block.address) }
            var back = [UInt64](repeating: 0, count: count)
            try back.withUnsafeMutableBytes {
                try queue.download(block.address, bytes: $0.count, to: $0.baseAddress!)
            }
            #expect(back == words)
            try fill(block, count: count - 1, with: 7, on: queue)
            try back.withUnsafeMutableBytes {
                try queue.download(block.address, bytes: $0.count, to: $0.baseAddress!)
            }
            #expect(back == [UInt64](repeating: 7, count: count - 1) + words.suffix(1))
            queue.free(block)
        }
        try queue.finish()
    }

    private func fill(_ block: DeviceBlock, count: Int, with value: UInt64, on queue: OpenCLQueue) throws {
        // As `FillArguments` has them.
        try [block.address, UInt64(count), value].withUnsafeBytes {
            try queue.launch("fill", groups: DeviceGroups(for: count, threads: 256), threads: 256, arguments: $0)
        }
    }

    @Test("takes a block of the same size again, and gives back what is too much to keep")
    func pool() throws {
        let queue = try OpenCLQueue(usable[0], keptBytes: 1 << 20)
        let first = try queue.allocate(bytes: 1 << 19)
        let second = try queue.allocate(bytes: 1 << 20)
        #expect(queue.heldBytes == 3 << 19)
        queue.free(first)
        queue.free(second)
        #expect(queue.heldBytes == 1 << 19)
        let again = try queue.allocate(bytes: 1 << 19)
        #expect(again.address == first.address)
        #expect(again.bytes == 1 << 19)
        try fill(again, count: 1 << 16, with: 1, on: queue)
        try queue.finish()
        queue.free(again)
    }

    @Test("overwrites what was given back when it is told to, and nothing else")
    func wiping() throws {
        let queue = try OpenCLQueue(usable[0])
        let (used, freed) = (try queue.allocate(bytes: 512), try queue.allocate(bytes: 2048))
        for block in [used, freed] { try fill(block, count: block.bytes / 8, with: 9, on: queue) }
        queue.free(freed)
        try queue.wipeKept()
        for (block, value) in [(used, 9), (freed, 0)] as [(DeviceBlock, UInt64)] {
            var words = [UInt64](repeating: 1, count: block.bytes / 8)
            try words.withUnsafeMutableBytes {
                try queue.download(block.address, bytes: $0.count, to: $0.baseAddress!)
            }
            #expect(words.allSatisfy { $0 == value })
        }
        queue.free(used)
    }

    @Test("fails once and for all where a kernel is missing")
    func failure() throws {
        let queue = try OpenCLQueue(usable[0])
        let block = try queue.allocate(bytes: 8)
        let expected: (any Error) -> Bool = { ($0 as? CrypTenError)?.code == .deviceFailed }
        #expect(
            performing: {
                try withUnsafeBytes(of: block) {
                    try queue.launch("nothing", groups: DeviceGroups(1), threads: 1, arguments: $0)
                }
            },
            throws: expected
        )
        #expect(performing: { try fill(block, count: 1, with: 1, on: queue) }, throws: expected)
        #expect(performing: { try queue.allocate(bytes: 8) }, throws: expected)
        var word: UInt64 = 3
        #expect(performing: { try queue.download(block.address, bytes: 8, to: &word) }, throws: expected)
        #expect(word == 3)
        #expect(performing: { try queue.finish() }, throws: expected)
    }

    @Test("says what its compiler says of a source that it can't compile")
    func badSource() {
        #expect(
            performing: {
                try OpenCLQueue(usable[0], source: "__kernel void fill(__global int *p) { *p = missing; }")
            },
            throws: { error in
                let error = error as? CrypTenError
                return error?.code == .deviceUnavailable && error?.message.contains("missing") == true
            }
        )
    }

    @Test("has no room for more than there is, and goes on")
    func memory() throws {
        let queue = try OpenCLQueue(usable[0])
        #expect(
            performing: { try queue.allocate(bytes: 1 << 50) },
            throws: { error in
                (error as? CrypTenError)?.code == .notEnoughDeviceMemory
            }
        )
        let block = try queue.allocate(bytes: 8)
        try fill(block, count: 1, with: 1, on: queue)
        try queue.finish()
        queue.free(block)
    }
}

@Suite(
    "What the suites of all kernels don't reach",
    .enabled(if: !(usable.isEmpty && usableWithCUDA.isEmpty), "there is no device on this machine")
)
struct DeviceKernelsTests {
    @Test("more axes than a kernel knows are walked, summed and flipped")
    func axes() throws {
        let shape: Shape = [2, 3, 1, 2, 2, 3, 2, 1, 2, 2, 3, 2]
        var numbers = SeededNumbers(2)
        let a = numbers.tensor(shape)
        let flipped = StridedView.slicing(
            shape,
            starts: shape.dimensions.indices.map { $0 % 2 == 0 ? shape[$0] - 1 : 0 },
            steps: shape.dimensions.indices.map { $0 % 2 == 0 ? -1 : 1 },
            shape: shape
        )
        let turned = StridedView.permuting(shape, axes: shape.dimensions.indices.reversed())
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            for view in [flipped, turned] {
                #expect(kernels.gather(a, view).elements == plain.gather(a, view).elements)
            }
            for axes in [[0, 3, 5, 8, 10], [1], [], Array(0..<12), Array(1..<12), [1, 3, 4, 5, 6, 8, 9, 10, 11]] {
                #expect(kernels.sum(a, axes: axes).elements == plain.sum(a, axes: axes).elements, "\(axes)")
            }
            let (before, after) = (shape.dimensions.map { $0 % 2 }, shape.dimensions.map { 1 - $0 % 2 })
            let padded = kernels.pad(a, before: before, after: after, value: 5)
            #expect(padded.elements == plain.pad(a, before: before, after: after, value: 5).elements)
        }
    }

    @Test("words of a stream that begin anywhere in a group of work-items", arguments: [0, 1, 255, 511, 512, 2047])
    func words(start: Int) throws {
        let key = ExpansionKey(low: 0x5EED, high: 0xFEED)
        for queue in try queues.get() {
            for count in [1, 1536, 1537, 1538, 2048, 2049, 4096] {
                let words = DeviceKernels(queue: queue, settings: .everything).expand(
                    key,
                    number: 5,
                    from: start,
                    shape: [count]
                )
                let want = plain.expand(key, number: 5, from: start, shape: [count])
                #expect(words.elements == want.elements, "\(count) words from \(start)")
            }
        }
    }

    @Test("sums of many terms, inside and outside", arguments: [1, 63, 64, 2047, 2048, 5000])
    func sums(terms: Int) throws {
        var numbers = SeededNumbers(3)
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            for rows in [1, 3, 300] {
                let a = numbers.tensor([rows, terms])
                #expect(kernels.sum(a, axes: [1]).elements == plain.sum(a, axes: [1]).elements)
                let b = a.reshaped(to: [terms, rows])
                #expect(kernels.sum(b, axes: [0]).elements == plain.sum(b, axes: [0]).elements)
            }
            let long = numbers.tensor([terms, 4096])
            #expect(kernels.sum(long, axes: [0]).elements == plain.sum(long, axes: [0]).elements)
        }
    }

    @Test("convolutions that make their patches piece by piece", arguments: [1, 2000, 1 << 20])
    func pieces(bytes: Int) throws {
        let cases: [(Shape, Shape, ConvolutionGeometry)] = [
            ([2, 3, 5, 6], [4, 3, 3, 3], .init(padding: [1, 1, 1, 1])),
            ([1, 4, 9, 8], [9, 4, 3, 3], .init(strides: [2, 2], padding: [1, 0, 1, 1])),
            ([2, 8, 6, 7], [12, 4, 3, 3], .init(padding: [1, 1, 1, 1], groups: 2)),
            ([1, 6, 14, 12], [6, 6, 3, 2], .init(strides: [2, 3], padding: [1, 0, 2, 4], dilations: [3, 2])),
            ([1, 6, 6, 7], [6, 1, 3, 3], .init(strides: [3, 1], padding: [2, 1, 2, 1], groups: 6)),
            ([2, 7, 5, 5], [9, 7, 1, 1], .init()),
            ([1, 2, 6, 2], [3, 2, 1, 1], .init(padding: [0, 1, 0, 1])),
            ([1, 2, 3, 4], [3, 2, 2, 2], .init(strides: [3, 2], padding: [6, 7, 4, 5])),
        ]
        var numbers = SeededNumbers(4)
        var settings = DeviceKernels.Settings.everything
        settings.patchBytes = bytes
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: settings)
            for (input, kernel, geometry) in cases {
                let output = try BilinearOperation.convolution(geometry).outputShape(input, kernel)
                let (x, w, g) = (numbers.tensor(input), numbers.tensor(kernel), numbers.tensor(output))
                let all: [(BilinearOperation, RingTensor, RingTensor)] = [
                    (.convolution(geometry), x, w),
                    (.convolutionInputGradient(geometry, height: input[2], width: input[3]), g, w),
                    (.convolutionKernelGradient(geometry, height: kernel[2], width: kernel[3]), x, g),
                ]
                for (operation, a, b) in all {
                    #expect(
                        kernels.product(operation, a, b).elements == plain.product(operation, a, b).elements,
                        "\(operation) of \(a.shape) and \(b.shape)"
                    )
                }
            }
        }
    }

    @Test("programs with more registers than a group has room for")
    func registers() throws {
        var numbers = SeededNumbers(5)
        var program = BitProgram.Builder()
        let inputs = program.input(planes: 40)
        // All products are made before any is read.
        var pairs: [BitProgram.Builder.Bit] = []
        for a in 0..<40 { for b in 0..<a { pairs.append(program.and(inputs[a], inputs[b])) } }
        var outputs: [BitProgram.Builder.Bit] = []
        for index in pairs.indices {
            outputs.append(program.xor(pairs[index], pairs[(index * 7 + 3) % pairs.count]))
        }
        let sum = program.sum(outputs)
        let made = program.program([sum] + outputs.prefix(5))
        #expect(made.registers > 32)
        for count in [1, 64, 65, 5000] {
            var planes = BitPlanes(zeros: 40, count: count)
            planes.withMutableWords { words in
                for i in 0..<40 * BitPlanes.words(for: count) { words[i] = numbers.next() }
            }
            planes.clearTails()
            let want = plain.run(made, on: [planes]).asWords.elements
            for queue in try queues.get() {
                #expect(
                    DeviceKernels(queue: queue, settings: .everything).run(made, on: [planes]).asWords.elements == want
                )
            }
        }
    }

    @Test("methods that several threads call at once don't meet")
    func threads() async throws {
        var numbers = SeededNumbers(6)
        let operands = (0..<8).map { _ in numbers.tensor([3000]) }
        for queue in try queues.get() {
            let kernels = DeviceKernels(queue: queue, settings: .everything)
            await withTaskGroup(of: Bool.self) { group in
                for a in operands {
                    group.addTask {
                        (0..<20).allSatisfy { turn in
                            let scaled = kernels.multiply(a, scalar: UInt64(turn))
                            let sum = kernels.add(scaled, a)
                            return sum.elements == a.elements.map { $0 &* UInt64(turn + 1) }
                        }
                    }
                }
                for await equal in group { #expect(equal) }
            }
        }
    }
}

@Suite("Without OpenCL")
struct MissingLibraryTests {
    @Test("an error says what is missing and what to do", .enabled(if: usable.isEmpty, "OpenCL has a device here"))
    func missing() {
        #expect(
            performing: { try found.get() },
            throws: { ($0 as? CrypTenError)?.code == .deviceUnavailable }
        )
    }
}
