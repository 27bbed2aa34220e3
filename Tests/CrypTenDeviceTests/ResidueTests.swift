import CrypTenDevice
import CrypTenRing
import Testing

@Suite("Products by residues", .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"))
struct ResidueProductTests {
    private static func inner(_ words: Words) -> [Int] {
        [1, 15, 63, 64, 65, 8192, 8193] + (words == .any ? [8191, 16_400] : [])
    }

    @Test("are exact at the edges of words and of inner dimensions", arguments: Words.allCases)
    func edges(words: Words) throws {
        for kernels in try residueKernels() {
            for (index, inner) in Self.inner(words).enumerated() {
                let (left, right) = (index % 2 == 0, index % 3 == 0)
                try expectEqual(
                    kernels,
                    .matmul(transposeLeft: left, transposeRight: right),
                    left ? [inner, 3] : [3, inner],
                    right ? [5, inner] : [inner, 5],
                    words,
                    subtracting: index % 4 < 2
                )
            }
        }
    }

    @Test(
        "end where matrices end: at every remainder of a tile, transposed or not",
        arguments: [false, true],
        [false, true]
    )
    func tails(left: Bool, right: Bool) throws {
        for kernels in try residueKernels() {
            for (m, n) in [(1, 1), (1, 130), (130, 1), (7, 9), (16, 17), (33, 64), (127, 5), (128, 16), (129, 129)] {
                for k in [1, 33, 64] {
                    try expectEqual(
                        kernels,
                        .matmul(transposeLeft: left, transposeRight: right),
                        left ? [k, m] : [m, k],
                        right ? [n, k] : [k, n],
                        subtracting: k == 33
                    )
                }
            }
        }
    }

    @Test("of batches, whose factors may be shared")
    func batches() throws {
        for kernels in try residueKernels() {
            let cases: [(Shape, Shape)] = [
                ([3, 4, 70], [70, 6]), ([4, 70], [3, 70, 6]), ([2, 3, 4, 70], [2, 3, 70, 6]),
                ([2, 1, 4, 70], [3, 70, 6]),
                ([2, 3, 4, 5], [3, 5, 6]), ([0, 4, 5], [5, 6]),
            ]
            for (left, right) in cases {
                for subtracting in [false, true] {
                    try expectEqual(
                        kernels,
                        .matmul(transposeLeft: false, transposeRight: false),
                        left,
                        right,
                        subtracting: subtracting
                    )
                }
            }
        }
    }

    /// How many blocks each of four products is made in, with so much room for residues.
    static let cuts: [(bytes: Int, blocks: [Int])] = [
        (bytes: 1, blocks: [0, 0, 0, 0]), (40_000, [44, 0, 9, 9]), (120_000, [6, 10, 2, 2]), (1 << 20, [1, 1, 1, 1]),
    ]

    @Test("in blocks of rows, columns and batches, however little room there is", arguments: cuts)
    func blocks(bytes: Int, blocks: [Int]) throws {
        let cases: [(BilinearOperation, Shape, Shape)] = [
            (.matmul(transposeLeft: false, transposeRight: false), [50, 33], [33, 170]),
            (.matmul(transposeLeft: true, transposeRight: true), [20, 150], [70, 20]),
            (.matmul(transposeLeft: false, transposeRight: false), [9, 20, 16], [9, 16, 20]),
            (.matmul(transposeLeft: false, transposeRight: true), [9, 20, 16], [20, 16]),
        ]
        for queue in try queues.get() {
            for (example, count) in zip(cases, blocks) {
                let counting = ObservedQueue(queue)
                try expectEqual(residueKernels(counting, bytes: bytes), example.0, example.1, example.2)
                #expect(counting.launches["residue_product", default: 0] == count)
                #expect(counting.launches["ring_product", default: 0] == (count == 0 ? 1 : 0))
                #expect(counting.largest <= max(bytes + bytes / 4, 1 << 17))
            }
        }
    }

    @Test("take what is large, and leave the rest word by word")
    func large() throws {
        for queue in try queues.get() {
            var settings = DeviceKernels.Settings.everything
            settings.residues = .large
            let counting = ObservedQueue(queue)
            let kernels = DeviceKernels(queue: counting, settings: settings)
            let product = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
            try expectEqual(kernels, product, [256, 63], [63, 300])
            try expectEqual(kernels, product, [255, 64], [64, 256])
            #expect(counting.launches["residue_product"] == nil)
            #expect(counting.launches["ring_product"] == 2)
            try expectEqual(kernels, product, [256, 64], [64, 256])
            #expect(counting.launches["residue_product"] == 1)
            #expect(counting.launches["ring_product"] == 2)
        }
    }
}
