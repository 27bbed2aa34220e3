/// All arithmetic that a gate does: a value that the engine hands in, behind which a processor or a GPU may stand.
///
/// Operands of elementwise methods have equal counts; the result takes the first one's shape. Everything is modulo
/// 2^64. No method throws or waits: a result may be a promise of what a device computes. No method branches on, indexes by or takes time by an element's value. `PlainKernels` is the specification in
/// plain Swift; `NativeKernels` runs in C with the vector instructions that the machine has. Both give equal bits.
package protocol Kernels: Sendable {
    /// What runs: "plain", "avx512", "avx2", "neon", "portable", "cuda" or "opencl".
    var name: String { get }

    /// Whether results are promises, which something else computes meanwhile.
    var computesAside: Bool { get }
    /// Throws what has failed, if something has: nothing that was computed since may be sent, or told to anybody.
    ///
    /// - Throws: `.deviceFailed` or `.notEnoughDeviceMemory`; nothing where a processor computes.
    func check() throws
    /// Throws where there is no room for tensors of so many bytes at once.
    ///
    /// - Throws: `.notEnoughDeviceMemory`; nothing where a processor computes.
    func checkRoom(for bytes: Int) throws
    /// Gives words that were promised their memory, and what they were made of its freedom: those that outlive a run.
    func settle(_ words: [any StoredWords])
    /// Overwrites what tensors have left in memory that is kept for later ones.
    func wipeGivenBack()
    /// What results lie in; nil: the host's memory.
    var memory: DeviceMemory? { get }
    /// Takes so many words that come from elsewhere.
    func incoming(words count: Int) -> any IncomingWords

    // MARK: Randomness

    /// Words `start ..< start + shape.count` of stream `number` under `key`: see `ExpansionKey`.
    func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor
    /// Adds those words to `sum`, element by element, or subtracts them: a sum of streams without a tensor for each.
    func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    )
    /// Bits of stream `number`: plane `j` is words `(start + j) · wordsPerPlane …`, tail bits cleared.
    func expandBits(_ key: ExpansionKey, number: UInt64, fromPlane start: Int, planes: Int, count: Int) -> BitPlanes
    /// XORs those bits into `sum`.
    func accumulateBitExpansion(_ sum: inout BitPlanes, _ key: ExpansionKey, number: UInt64, fromPlane start: Int)
    /// Words `range` of `secret` less those of stream `number` under each of the keys: to `out`, which holds nothing yet.
    func writeDifference(
        of secret: RingTensor,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    )
    /// Words `range` of the planes XOR those of the streams, from the first plane on; tail bits are zeros.
    func writeDifference(
        of secret: BitPlanes,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    )

    // MARK: Elementwise on the ring

    func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor
    func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor
    func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor
    func negate(_ a: RingTensor) -> RingTensor
    func add(_ a: RingTensor, scalar: UInt64) -> RingTensor
    func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor
    /// `sum += a`
    func accumulate(_ sum: inout RingTensor, adding a: RingTensor)
    /// `sum -= a`
    func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor)
    /// Adds words that have come in a frame to elements `start ..< start + words.count`, or XORs them into those; on the host.
    func accumulate(_ sum: inout RingTensor, at start: Int, _ words: UnsafeBufferPointer<UInt64>, xor: Bool)
    /// `sum += a · b`
    func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor)
    /// `sum -= a · b`
    func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor)
    /// `sum += a · scalar`
    func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64)
    /// The element shifted right by `bits` (0 … 63), zeros coming in.
    func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor
    /// ⌊a · factor / 2^62⌋ of elements without a sign, for a factor below 2^62.
    func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor
    /// The element shifted left by `bits` (0 … 63).
    func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor
    /// The `bits` (1 … 64) low bits.
    func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor
    /// sin(2π u / 2^64) at scale 2^30 for u = a · number + offset, in integer arithmetic alone: see `integerSine(_:)`.
    func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor
    /// A term of a trigonometric series in φ − λ, out of words for the cosine and the sine of number·λ at scale 2^30: adds
    /// `p·cos + q·sin` of number·(φ − λ), that is
    ///
    ///     cosine·R(p·C + q·S) + sine·R(p·S − q·C)
    ///
    /// to the sum, with the integer sine and cosine S and C of number·φ and R(x) = x / 2^30, rounded to the nearest; |p|, |q| ≤ 2^32.
    func accumulate(
        _ sum: inout RingTensor,
        harmonic number: Int,
        of phase: RingTensor,
        cosine: RingTensor,
        sine: RingTensor,
        factors: (p: Int64, q: Int64)
    )
    /// 2^(x / 2^58) at scale 2^fractionBits (0 … 46) for x = offset + a, or offset − a where `negated`, in integer arithmetic alone: see
    /// `integerPower(_:fractionBits:)`.
    func powerOfTwo(_ a: RingTensor, negated: Bool, plus offset: UInt64, fractionBits: Int) -> RingTensor

    // MARK: Structure

    /// The elements that a view names: permute, slice, flip, broadcast.
    func gather(_ a: RingTensor, _ view: StridedView) -> RingTensor
    /// Slices `indices` along an axis (0 ≤ index < extent), in that order; an index may repeat.
    func take(_ a: RingTensor, axis: Int, indices: [Int]) -> RingTensor
    func concatenate(_ parts: [RingTensor], axis: Int) -> RingTensor
    /// With `value` around it: `before[k]` and `after[k]` more along axis k (not negative).
    func pad(_ a: RingTensor, before: [Int], after: [Int], value: UInt64) -> RingTensor
    /// Sums over the axes, which disappear.
    func sum(_ a: RingTensor, axes: [Int]) -> RingTensor

    // MARK: Products

    /// `sum += operation(a, b)`, or `sum -= …` where `subtracting`; `sum` has the operation's output shape.
    func accumulate(
        _ sum: inout RingTensor,
        _ operation: BilinearOperation,
        _ a: RingTensor,
        _ b: RingTensor,
        subtracting: Bool
    )

    // MARK: Bits

    /// Plane j holds bit `low + j` of every element.
    func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes
    /// Planes out of words that lie one plane after the other, as expanded, opened or dealt; tail bits are cleared.
    func planes(_ words: RingTensor, planes: Int, count: Int) -> BitPlanes
    /// Of one plane, the runs of `length` bits that begin at multiples of it, one after the other in this order.
    func runs(of bits: BitPlanes, _ positions: [Int], length: Int) -> BitPlanes
    /// The elements of planes, of one plane each, one after the other.
    func join(_ parts: [BitPlanes]) -> BitPlanes
    /// Elements whose bit j is plane j, of the given shape; zero above the last plane.
    func words(of bits: BitPlanes, shape: Shape) -> RingTensor
    func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes
    func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes
    func not(_ a: BitPlanes) -> BitPlanes
    /// `sum ^= a`
    func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes)
    /// `sum ^= a & b`
    func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes)
    /// The outputs of a program, plane by plane, of the planes that its inputs ask for; all of them of as many elements.
    func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes
    /// The planes of all parts, in order, as one.
    func stack(_ parts: [BitPlanes]) -> BitPlanes
    /// Elements `range` of every plane; `range` starts at a multiple of 64.
    func slab(_ a: BitPlanes, _ range: Range<Int>) -> BitPlanes
    /// The element where its bit is 1, else 0; one plane.
    func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor
    /// `sum += a` where the bit is 1; one plane.
    func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes)
    /// The element negated where its bit is 1; one plane.
    func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor

    // MARK: Masked bits and values

    /// The products of the non-empty subsets of groups of 1 to 4 bits; group g has planes `starts[g] ..< starts[g] + size`.
    ///
    /// - Returns: For each subset in turn (the set of bits j for which bit j of 1, 2, … is 1), a plane for each group.
    func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes
    /// A party's shares of what groups of 1 to 4 bits do to the borrow of c − r: `[r > c]` and `[r = c]` of each group.
    ///
    /// With q = ¬c and shares of the subset products of r's bits, `F_j = r_j · Π_{k>j} (q_k ⊕ r_k)` is a fold of those with lowest
    /// bit j, and
    ///
    ///     generate = ⊕_j q_j·F_j,        propagate = F_0 ⊕ q_0·(F_1 ⊕ q_1·(F_2 ⊕ q_2·(F_3 ⊕ q_3)))
    ///
    /// (the innermost q_3 at party 0 alone): 19 ANDs for four bits.
    ///
    /// - Parameters:
    ///   - planes: The bits of c.
    ///   - starts: As for `subsetProducts`.
    ///   - size: As for `subsetProducts`.
    ///   - products: The shares, laid out as `subsetProducts` does.
    ///   - first: Whether public terms are this party's.
    ///   - generate: Whether the first kind is wanted.
    ///   - propagate: Whether the second is.
    /// - Returns: The first kind's plane of each group, then the second's.
    func borrows(
        of planes: BitPlanes,
        starts: [Int],
        size: Int,
        products: BitPlanes,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitPlanes
    /// The same of groups of several kinds, with the shares for each kind: the planes of all kinds in turn, as one.
    func borrows(of planes: BitPlanes, _ kinds: [BorrowGroups], products: [BitPlanes], first: Bool) -> BitPlanes
    /// A party's share of b·x for a bit b with the public part `bits` and x = `hat` − λ, out of shares of the bit's mask β, of
    /// β·λ and of λ: with v = `hat` − λ (−λ unless `first`) and u = `hat`·β − β·λ, v − u where the bit is 1, else u.
    func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor
    /// The same, to elements `start ..< start + hat.count` of `out`.
    func select(
        _ hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool,
        to out: inout RingTensor,
        at start: Int
    )
    /// The constant plus the sum of factors whose bits are 1; one plane of bits for each factor, at least one.
    func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor
    /// `sum += a · factor`, or `-=` where the bit is 1; one plane.
    func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    )
    /// `sum += (a · b − c) · factor`, or `-=` where the bit is 1; one plane.
    func accumulate(
        _ sum: inout RingTensor,
        addingProductOf a: RingTensor,
        _ b: RingTensor,
        less c: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    )
    /// With c = a + 2^62: `(c >> shift) − (2^62 >> shift)`, and a plane that is 1 where c has no top bit.
    func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes)

    // MARK: Words of few bits

    /// The `bits` low bits of each element, one after the other without gaps, from a word's lowest bit up.
    func pack(_ a: RingTensor, bits: Int) -> RingTensor
    /// The inverse of `pack`: `shape.count` elements of `bits` bits.
    func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor
    /// Adds unpacked elements, shifted left, where a bit is 1; one plane.
    func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    )
}

// What a processor needs nothing for.
extension Kernels {
    package var computesAside: Bool {
        false
    }

    package func check() throws {}

    package func checkRoom(for bytes: Int) throws {}

    package func settle(_ words: [any StoredWords]) {}

    package var memory: DeviceMemory? {
        nil
    }

    package func incoming(words count: Int) -> any IncomingWords {
        IncomingHostWords(count)
    }

    package func wipeGivenBack() {
        ProcessMemory.wipeGivenBack()
    }

    package func planes(_ words: RingTensor, planes: Int, count: Int) -> BitPlanes {
        BitPlanes(words, planes: planes, count: count)
    }

    package func runs(of bits: BitPlanes, _ positions: [Int], length: Int) -> BitPlanes {
        bits.runs(positions, length: length)
    }

    package func join(_ parts: [BitPlanes]) -> BitPlanes {
        BitPlanes.joining(parts)
    }
}

extension Kernels {
    /// The sine of every element.
    package func sine(_ a: RingTensor) -> RingTensor {
        sine(a, times: 1, plus: 0)
    }

    /// The power of every element.
    package func powerOfTwo(_ a: RingTensor, fractionBits: Int) -> RingTensor {
        powerOfTwo(a, negated: false, plus: 0, fractionBits: fractionBits)
    }

    /// `operation(a, b)`
    package func product(_ operation: BilinearOperation, _ a: RingTensor, _ b: RingTensor) -> RingTensor {
        guard let shape = try? operation.outputShape(a.shape, b.shape) else {
            preconditionFailure(
                "\(operation.name) of \(a.shape) and \(b.shape): shapes are checked when an expression is made"
            )
        }
        var out = RingTensor(zeros: shape)
        accumulate(&out, operation, a, b, subtracting: false)
        return out
    }

    /// The tensor repeated to a shape by NumPy's rule; itself where it has that shape.
    package func broadcast(_ a: RingTensor, to shape: Shape) -> RingTensor {
        a.shape == shape ? a : gather(a, .broadcasting(a.shape, to: shape))
    }
}

extension Kernels {
    package func accumulate(_ sum: inout RingTensor, at start: Int, _ words: UnsafeBufferPointer<UInt64>, xor: Bool) {
        precondition(start >= 0 && start + words.count <= sum.count, "\(words.count) words at \(start) of \(sum.shape)")
        sum.withMutableWords { sum in
            for (index, word) in words.enumerated() {
                sum[start + index] = xor ? sum[start + index] ^ word : sum[start + index] &+ word
            }
        }
    }
}

// Results of which kernels make the parts, and put them together then.
extension Kernels {
    package func borrows(
        of planes: BitPlanes,
        _ kinds: [BorrowGroups],
        products: [BitPlanes],
        first: Bool
    ) -> BitPlanes {
        let parts = zip(kinds, products).map { kind, products in
            borrows(
                of: planes,
                starts: kind.starts,
                size: kind.size,
                products: products,
                first: first,
                generate: kind.generate,
                propagate: kind.propagate
            )
        }
        return parts.count == 1 ? parts[0] : stack(parts)
    }

    package func select(
        _ hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool,
        to out: inout RingTensor,
        at start: Int
    ) {
        let part = selection(of: hat, beta: beta, product: product, mask: mask, where: bits, first: first)
        precondition(
            start >= 0 && start + part.count <= out.count,
            "\(part.count) elements at \(start) of \(out.shape)"
        )
        part.withWords { part in
            out.withMutableWords { ($0 + start).update(from: part, count: hat.count) }
        }
    }
}

// Differences are put together of expansions where kernels have nothing faster.
extension Kernels {
    package func writeDifference(
        of secret: RingTensor,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        var piece = secret.flat(range)
        for key in keys {
            accumulateExpansion(&piece, key, number: number, from: range.lowerBound, subtracting: true)
        }
        piece.withWords { out.update(from: $0, count: range.count) }
    }

    package func writeDifference(
        of secret: BitPlanes,
        _ keys: [ExpansionKey],
        number: UInt64,
        words range: Range<Int>,
        to out: UnsafeMutablePointer<UInt64>
    ) {
        secret.asWords.flat(range).withWords { out.update(from: $0, count: range.count) }
        for key in keys {
            expand(key, number: number, from: range.lowerBound, shape: [range.count]).withWords { words in
                for i in 0..<range.count { out[i] ^= words[i] }
            }
        }
        secret.clearTails(ofWords: range, at: out)
    }
}
