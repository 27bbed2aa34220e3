import CrypTenRing
import Testing

@Suite("Masked bits and values")
struct MaskedTests {
    @Test("subset products and borrows equal the specification's", arguments: implementations)
    func groups(kernels: any Kernels) {
        var numbers = SeededNumbers(0xF1)
        for count in counts where count > 0 {
            for size in 1...4 {
                let planes = numbers.planes(13, count: count)
                let starts = [0, 7, 3]
                let products = kernels.subsetProducts(of: planes, starts: starts, size: size)
                #expect(
                    products.allWords == plain.subsetProducts(of: planes, starts: starts, size: size).allWords,
                    "subsets of \(size) of \(count)"
                )
                for (first, generate, propagate) in [(true, true, true), (false, true, false), (true, false, true)] {
                    let c = numbers.planes(13, count: count)
                    func borrows(_ kernels: any Kernels) -> BitPlanes {
                        kernels.borrows(
                            of: c,
                            starts: starts,
                            size: size,
                            products: products,
                            first: first,
                            generate: generate,
                            propagate: propagate
                        )
                    }
                    #expect(borrows(kernels).allWords == borrows(plain).allWords, "borrows of \(size) of \(count)")
                }
            }
        }
    }

    @Test("borrows of several kinds of groups are those of each kind, in turn", arguments: [plain] + implementations)
    func kindsOfGroups(kernels: any Kernels) {
        var numbers = SeededNumbers(0xF4)
        for count in counts where count > 0 {
            let c = numbers.planes(13, count: count)
            let kinds = [
                BorrowGroups(starts: [0], size: 1, generate: true, propagate: false),
                BorrowGroups(starts: [9, 1, 5], size: 4, generate: true, propagate: true),
                BorrowGroups(starts: [10, 2], size: 3, generate: false, propagate: true),
            ]
            let products = kinds.map { numbers.planes((1 << $0.size - 1) * $0.starts.count, count: count) }
            for first in [false, true] {
                let expected = zip(kinds, products).map { kind, products in
                    plain.borrows(
                        of: c,
                        starts: kind.starts,
                        size: kind.size,
                        products: products,
                        first: first,
                        generate: kind.generate,
                        propagate: kind.propagate
                    )
                }
                for known in 1...kinds.count {
                    let out = kernels.borrows(
                        of: c,
                        Array(kinds[..<known]),
                        products: Array(products[..<known]),
                        first: first
                    )
                    #expect(out.allWords == expected[..<known].flatMap(\.allWords), "\(known) kinds of \(count)")
                }
            }
        }
    }

    @Test("a group's borrow is that of its numbers", arguments: [plain] + implementations)
    func meaning(kernels: any Kernels) {
        // All pairs of numbers of four bits: one party holds the products themselves.
        let pairs = (0..<256).map { (c: UInt64($0 & 15), r: UInt64($0 >> 4)) }
        let c = kernels.planes(of: RingTensor(pairs.map(\.c), shape: [256]), from: 0, count: 4)
        let r = kernels.planes(of: RingTensor(pairs.map(\.r), shape: [256]), from: 0, count: 4)
        let out = kernels.borrows(
            of: c,
            starts: [0],
            size: 4,
            products: kernels.subsetProducts(of: r, starts: [0], size: 4),
            first: true,
            generate: true,
            propagate: true
        )
        #expect(out.bits(ofPlane: 0) == pairs.map { $0.r > $0.c })
        #expect(out.bits(ofPlane: 1) == pairs.map { $0.r == $0.c })
    }

    @Test("weights and signed sums are those of their bits", arguments: [plain] + implementations)
    func weights(kernels: any Kernels) {
        let numbers = RingTensor([0, 1, 2, 3], shape: [4])
        let planes = kernels.planes(of: numbers, from: 0, count: 2)
        let weights = kernels.weights(of: [planes[0], planes[1]], factors: [10, .max], constant: 5)
        #expect(weights.elements == [5, 15, 4, 14])
        var sum = RingTensor([1, 1, 1, 1], shape: [4])
        kernels.accumulate(&sum, adding: numbers, times: 7, negatedWhere: planes[0])
        #expect(sum.elements.map { Int64(bitPattern: $0) } == [1, -6, 15, -20])
        let ones = RingTensor([1, 1, 1, 1], shape: [4])
        kernels.accumulate(&sum, addingProductOf: numbers, numbers, less: ones, times: 2, negatedWhere: planes[1])
        #expect(sum.elements.map { Int64(bitPattern: $0) } == [-1, -6, 9, -36])
    }

    @Test("selections and truncations equal the specification's", arguments: implementations)
    func elements(kernels: any Kernels) {
        var numbers = SeededNumbers(0xF2)
        for count in counts where count > 0 {
            let operands = (0..<4).map { _ in numbers.tensor([count]) }
            let bits = numbers.planes(1, count: count)
            for first in [false, true] {
                func selection(_ kernels: any Kernels) -> [UInt64] {
                    kernels.selection(
                        of: operands[0],
                        beta: operands[1],
                        product: operands[2],
                        mask: operands[3],
                        where: bits,
                        first: first
                    ).elements
                }
                #expect(selection(kernels) == selection(plain))
                // The same as a part of more: what lies around it stays.
                var parts = numbers.tensor([count + 70])
                let around = parts.elements
                let expected = Array(around[..<64]) + selection(plain) + Array(around[(64 + count)...])
                kernels.select(
                    operands[0],
                    beta: operands[1],
                    product: operands[2],
                    mask: operands[3],
                    where: bits,
                    first: first,
                    to: &parts,
                    at: 64
                )
                #expect(parts.elements == expected, "\(count) of \(count + 70)")
            }
            for factor in [1, 0xDEAD_BEEF_0BAD_F00D, 1 << 63, UInt64.max] {
                func sums(_ kernels: any Kernels) -> [[UInt64]] {
                    var sums = [operands[3], operands[3]]
                    kernels.accumulate(&sums[0], adding: operands[1], times: factor, negatedWhere: bits)
                    kernels.accumulate(
                        &sums[1],
                        addingProductOf: operands[0],
                        operands[1],
                        less: operands[2],
                        times: factor,
                        negatedWhere: bits
                    )
                    return sums.map(\.elements)
                }
                #expect(sums(kernels) == sums(plain), "\(factor) times \(count)")
            }
            for planes in [1, 2, 33] {
                let bits = (0..<planes).map { _ in numbers.planes(1, count: count) }
                let factors = (0..<planes).map { _ in numbers.next() }
                #expect(
                    kernels.weights(of: bits, factors: factors, constant: factors[0] &+ 1).elements
                        == plain.weights(of: bits, factors: factors, constant: factors[0] &+ 1).elements,
                    "\(planes) weights of \(count)"
                )
            }
            for shift in [1, 16, 62] {
                let (out, expected) = (kernels.truncate(operands[0], by: shift), plain.truncate(operands[0], by: shift))
                #expect(out.0.elements == expected.0.elements)
                #expect(out.selector.allWords == expected.selector.allWords)
            }
            for (width, shift) in [(1, 63), (16, 48), (16, 0), (23, 41), (64, 0)] {
                let words = numbers.tensor([(count * width + 63) / 64])
                var (sum, expected) = (operands[0], operands[0])
                kernels.accumulate(&sum, addingUnpacked: words, bits: width, shiftedLeft: shift, where: bits)
                plain.accumulate(&expected, addingUnpacked: words, bits: width, shiftedLeft: shift, where: bits)
                #expect(sum.elements == expected.elements, "\(width) bits of \(count)")
            }
        }
    }
}

@Suite("Memory that is given back")
struct StoragePoolTests {
    @Test(
        "what only a first run needed goes back after some runs, and what every run needs stays, whatever their order"
    )
    func surplus() {
        let pool = StoragePool(limit: 1 << 30)
        func run(_ sizes: [Int]) {
            for block in sizes.map({ pool.take(words: $0) }) { pool.giveBack(block) }
            pool.wipeKept()
        }
        let (large, small) = (1 << 20, 1 << 13)
        run([large, large, small, small, small])
        #expect(pool.keptBytes == 8 * (2 * large + 3 * small))
        let held = pool.take(words: small)
        for _ in 0..<12 { run([small]) }
        // Two are in use at once, one of them between runs.
        #expect(pool.keptBytes == 8 * small)
        #expect(pool.mostBytes == (used: 8 * (2 * large + 3 * small), held: 8 * (2 * large + 3 * small)))
        // A test of the network every seventh step costs no allocation.
        for step in 0..<28 { run(step % 7 == 0 ? [small, large] : [small]) }
        #expect(pool.keptBytes == 8 * (large + small))
        pool.giveBack(held)
        for _ in 0..<12 { run([]) }
        #expect(pool.keptBytes == 0)
    }

    @Test("a tensor that shares its storage is not written to through another's")
    func sharing() {
        var planes = BitPlanes(RingTensor([1, 2, 3], shape: [3]), planes: 3, count: 64)
        let words = planes.asWords
        planes.withMutableWords { $0[0] = 7 }
        #expect(words.elements == [1, 2, 3])
        #expect(planes.asWords.elements == [7, 2, 3])
    }

    @Test("tail bits are cleared in a copy where others look into the storage")
    func tails() {
        let words = RingTensor([.max, .max], shape: [2])
        let planes = BitPlanes(words, planes: 2, count: 5)
        #expect(planes.asWords.elements == [31, 31])
        #expect(words.elements == [.max, .max])
    }
}
