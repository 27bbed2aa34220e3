extension KernelBenchmark {
    /// What memory can do: a copy of an array beyond every cache, and a sum over it, on one thread.
    ///
    /// Rows of bytes read and written compare with the copy. Most arrays of a run are a slab's, and stay in a second-level cache,
    /// which is several times as fast.
    package func memory(words: Int = 1 << 24) -> Row {
        let from = RingTensor(zeros: [words])
        var to = RingTensor(zeros: [words])
        let kernels = NativeKernels(threads: 1)
        return row(
            "copy of \(words >> 17) MiB, 1 thread",
            "GB/s",
            Double(16 * words),
            { from.withWords { from in to.withMutableWords { $0.update(from: from, count: words) } } },
            against: "a sum over it",
            Double(8 * words),
            { _ = kernels.sum(from, axes: [0]) }
        )
    }

    /// Kernels of one kind, and how many bytes a call reads and writes.
    private struct Family {
        var name: String
        var bytes: Int
        var call: (any Kernels) -> Void
    }

    /// Every family of kernels on a slab, with each instruction set that the machine has against the portable one, and that against
    /// the specification in plain Swift.
    package func families() -> [Row] {
        let sets = NativeKernels.available
        return KernelBenchmark.families.flatMap { family in
            sets.map { set in
                let kernels = NativeKernels(threads: 1, instructionSet: set)
                let baseline: any Kernels =
                    set == .portable ? PlainKernels() : NativeKernels(threads: 1, instructionSet: .portable)
                return row(
                    "\(family.name), \(set.rawValue)",
                    "GB/s",
                    Double(family.bytes),
                    { family.call(kernels) },
                    against: set == .portable ? "plain Swift" : "portable",
                    { family.call(baseline) }
                )
            }
        }
    }

    private static var families: [Family] {
        let count = 65 << 9
        let (words, plane) = (8 * count, count / 8)
        let a = RingTensor.benchmark([count], 10)
        let (b, c, d) = (
            RingTensor.benchmark([count], 11), RingTensor.benchmark([count], 12), RingTensor.benchmark([count], 13)
        )
        let planes = PlainKernels().planes(of: a, from: 0, count: 64)
        let bit = planes[0]
        let starts = Array(stride(from: 0, to: 64, by: 4))
        let products = NativeKernels(threads: 1).subsetProducts(of: planes, starts: starts, size: 4)
        let packed = PlainKernels().pack(a, bits: 20)
        var (sum, bits) = (a, planes)
        func family(_ name: String, _ bytes: Int, _ call: @escaping (any Kernels) -> Void) -> Family {
            Family(name: name, bytes: bytes, call: call)
        }
        return [
            family("64 bit planes of words", 2 * words) { _ = $0.planes(of: a, from: 0, count: 64) },
            family("the top plane of words", words + plane) { _ = $0.planes(of: a, from: 63, count: 1) },
            family("words of 64 bit planes", 2 * words) { _ = $0.words(of: planes, shape: [count]) },
            family("products of subsets of 4 bits", (64 + 240) * plane) {
                _ = $0.subsetProducts(of: planes, starts: starts, size: 4)
            },
            family("borrows of 4 bits", (64 + 240 + 32) * plane) {
                _ = $0.borrows(
                    of: planes,
                    starts: starts,
                    size: 4,
                    products: products,
                    first: true,
                    generate: true,
                    propagate: true
                )
            },
            family("XOR of planes", 3 * words) { $0.accumulate(&bits, xor: planes) },
            family("negation by bits", 2 * words + plane) { _ = $0.negate(a, where: bit) },
            family("selection", 5 * words + plane) {
                _ = $0.selection(of: a, beta: b, product: c, mask: d, where: bit, first: true)
            },
            family("sums with a signed multiple", 3 * words + plane) {
                $0.accumulate(&sum, adding: a, times: 0x9E37_79B9_7F4A_7C15, negatedWhere: bit)
            },
            family("truncation", 2 * words + plane) { _ = $0.truncate(a, by: 16) },
            family("packing of 16 bits", words + words / 4) { _ = $0.pack(a, bits: 16) },
            family("packing of 20 bits", words + 20 * plane) { _ = $0.pack(a, bits: 20) },
            family("unpacking of 20 bits", words + 20 * plane) { _ = $0.unpack(packed, bits: 20, shape: [count]) },
            family("sines", 2 * words) { _ = $0.sine(a) },
            family("harmonics", 5 * words) {
                $0.accumulate(&sum, harmonic: 3, of: a, cosine: b, sine: c, factors: (p: 123_456_789, q: -987_654_321))
            },
            family("powers of two", 2 * words) { _ = $0.powerOfTwo(a, fractionBits: 16) },
            family("sums of two", 3 * words) { _ = $0.add(a, b) },
            family("products of two", 3 * words) { _ = $0.multiply(a, b) },
            family("sums with a product", 4 * words) { $0.accumulate(&sum, addingProductOf: a, b) },
            family("sums with a multiple", 3 * words) { $0.accumulate(&sum, adding: a, times: 0x9E37_79B9_7F4A_7C15) },
            family("the sum of all", words) { _ = $0.sum(a, axes: [0]) },
        ]
    }
}
