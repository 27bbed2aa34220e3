package import CrypTenRing

/// Kernels that write down every expansion and leave the work to others: the proof that each word serves once.
///
/// They can also change what a stream gives, for all who expand it: to the words that an adversary has chosen, or to those
/// of a generator that is broken in one way.
package struct AuditingKernels: Kernels {
    /// What becomes of a stream.
    package enum Change: Sendable {
        /// Another one is expanded in its place.
        case stream(ExpansionAudit.Stream)
        /// A function of its words.
        case words(@Sendable ([UInt64]) -> [UInt64])
        /// A function of another one's words.
        case wordsOf(ExpansionAudit.Stream, @Sendable ([UInt64]) -> [UInt64])
    }

    private let base: any Kernels
    private let audit: ExpansionAudit
    private let change: (@Sendable (ExpansionAudit.Stream) -> Change?)?

    /// - Parameters:
    ///   - audit: What is expanded in fact, after changes, is written down here.
    ///   - change: What becomes of a stream; nil: it stays as it is.
    package init(
        _ base: any Kernels,
        audit: ExpansionAudit,
        changing change: (@Sendable (ExpansionAudit.Stream) -> Change?)? = nil
    ) {
        self.base = base
        self.audit = audit
        self.change = change
    }

    package var name: String {
        base.name
    }

    package var computesAside: Bool {
        base.computesAside
    }

    package func check() throws {
        try base.check()
    }

    package func checkRoom(for bytes: Int) throws {
        try base.checkRoom(for: bytes)
    }

    package var memory: DeviceMemory? {
        base.memory
    }

    package func incoming(words count: Int) -> any IncomingWords {
        base.incoming(words: count)
    }

    package func settle(_ words: [any StoredWords]) {
        base.settle(words)
    }

    package func wipeGivenBack() {
        base.wipeGivenBack()
    }

    /// The stream that is expanded in fact, and the function of its words.
    private func resolve(
        _ key: ExpansionKey,
        _ number: UInt64,
        _ words: Range<Int>
    ) -> (stream: ExpansionAudit.Stream, words: (@Sendable ([UInt64]) -> [UInt64])?) {
        var stream = ExpansionAudit.Stream(low: key.low, high: key.high, number: number)
        var function: (@Sendable ([UInt64]) -> [UInt64])?
        switch change?(stream) {
        case .stream(let other): stream = other
        case .words(let change): function = change
        case .wordsOf(let other, let change): (stream, function) = (other, change)
        case nil: break
        }
        audit.record(stream, words)
        return (stream, function)
    }

    package func expand(_ key: ExpansionKey, number: UInt64, from start: Int, shape: Shape) -> RingTensor {
        let (stream, function) = resolve(key, number, start..<start + shape.count)
        let words = base.expand(stream.key, number: stream.number, from: start, shape: shape)
        return function.map { RingTensor($0(words.elements), shape: shape) } ?? words
    }

    package func accumulateExpansion(
        _ sum: inout RingTensor,
        _ key: ExpansionKey,
        number: UInt64,
        from start: Int,
        subtracting: Bool
    ) {
        let words = expand(key, number: number, from: start, shape: sum.shape)
        subtracting ? base.accumulate(&sum, subtracting: words) : base.accumulate(&sum, adding: words)
    }

    package func expandBits(
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int,
        planes: Int,
        count: Int
    ) -> BitPlanes {
        let perPlane = BitPlanes.words(for: count)
        let (stream, function) = resolve(key, number, start * perPlane..<(start + planes) * perPlane)
        let bits = base.expandBits(
            stream.key,
            number: stream.number,
            fromPlane: start,
            planes: planes,
            count: count
        )
        guard let function else { return bits }
        var words = function(bits.asWords.elements)
        // Whatever a function gives, there is nothing beyond the last element.
        if count % 64 != 0 {
            for last in stride(from: perPlane - 1, to: words.count, by: perPlane) {
                words[last] &= ~(~0 << UInt64(count % 64))
            }
        }
        return BitPlanes(RingTensor(words, shape: [words.count]), planes: planes, count: count)
    }

    package func accumulateBitExpansion(
        _ sum: inout BitPlanes,
        _ key: ExpansionKey,
        number: UInt64,
        fromPlane start: Int
    ) {
        base.accumulate(
            &sum,
            xor: expandBits(key, number: number, fromPlane: start, planes: sum.planes, count: sum.count)
        )
    }

    package func add(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        base.add(a, b)
    }

    package func subtract(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        base.subtract(a, b)
    }

    package func multiply(_ a: RingTensor, _ b: RingTensor) -> RingTensor {
        base.multiply(a, b)
    }

    package func negate(_ a: RingTensor) -> RingTensor {
        base.negate(a)
    }

    package func add(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        base.add(a, scalar: scalar)
    }

    package func multiply(_ a: RingTensor, scalar: UInt64) -> RingTensor {
        base.multiply(a, scalar: scalar)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor) {
        base.accumulate(&sum, adding: a)
    }

    package func accumulate(_ sum: inout RingTensor, subtracting a: RingTensor) {
        base.accumulate(&sum, subtracting: a)
    }

    package func accumulate(_ sum: inout RingTensor, addingProductOf a: RingTensor, _ b: RingTensor) {
        base.accumulate(&sum, addingProductOf: a, b)
    }

    package func accumulate(_ sum: inout RingTensor, subtractingProductOf a: RingTensor, _ b: RingTensor) {
        base.accumulate(&sum, subtractingProductOf: a, b)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, times scalar: UInt64) {
        base.accumulate(&sum, adding: a, times: scalar)
    }

    package func shiftRight(_ a: RingTensor, by bits: Int) -> RingTensor {
        base.shiftRight(a, by: bits)
    }

    package func multiplyHigh(_ a: RingTensor, factor: UInt64) -> RingTensor {
        base.multiplyHigh(a, factor: factor)
    }

    package func shiftLeft(_ a: RingTensor, by bits: Int) -> RingTensor {
        base.shiftLeft(a, by: bits)
    }

    package func lowBits(_ a: RingTensor, _ bits: Int) -> RingTensor {
        base.lowBits(a, bits)
    }

    package func sine(_ a: RingTensor, times number: UInt64, plus offset: UInt64) -> RingTensor {
        base.sine(a, times: number, plus: offset)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        harmonic number: Int,
        of phase: RingTensor,
        cosine: RingTensor,
        sine: RingTensor,
        factors: (p: Int64, q: Int64)
    ) {
        base.accumulate(&sum, harmonic: number, of: phase, cosine: cosine, sine: sine, factors: factors)
    }

    package func powerOfTwo(_ a: RingTensor, negated: Bool, plus offset: UInt64, fractionBits: Int) -> RingTensor {
        base.powerOfTwo(a, negated: negated, plus: offset, fractionBits: fractionBits)
    }

    package func gather(_ a: RingTensor, _ view: StridedView) -> RingTensor {
        base.gather(a, view)
    }

    package func take(_ a: RingTensor, axis: Int, indices: [Int]) -> RingTensor {
        base.take(a, axis: axis, indices: indices)
    }

    package func concatenate(_ parts: [RingTensor], axis: Int) -> RingTensor {
        base.concatenate(parts, axis: axis)
    }

    package func pad(_ a: RingTensor, before: [Int], after: [Int], value: UInt64) -> RingTensor {
        base.pad(a, before: before, after: after, value: value)
    }

    package func sum(_ a: RingTensor, axes: [Int]) -> RingTensor {
        base.sum(a, axes: axes)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        _ operation: BilinearOperation,
        _ a: RingTensor,
        _ b: RingTensor,
        subtracting: Bool
    ) {
        base.accumulate(&sum, operation, a, b, subtracting: subtracting)
    }

    package func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes {
        base.planes(of: a, from: low, count: planes)
    }

    package func words(of bits: BitPlanes, shape: Shape) -> RingTensor {
        base.words(of: bits, shape: shape)
    }

    package func planes(_ words: RingTensor, planes: Int, count: Int) -> BitPlanes {
        base.planes(words, planes: planes, count: count)
    }

    package func runs(of bits: BitPlanes, _ positions: [Int], length: Int) -> BitPlanes {
        base.runs(of: bits, positions, length: length)
    }

    package func join(_ parts: [BitPlanes]) -> BitPlanes {
        base.join(parts)
    }

    package func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        base.xor(a, b)
    }

    package func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        base.and(a, b)
    }

    package func not(_ a: BitPlanes) -> BitPlanes {
        base.not(a)
    }

    package func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes) {
        base.accumulate(&sum, xor: a)
    }

    package func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes) {
        base.accumulate(&sum, xorAndOf: a, b)
    }

    package func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes {
        base.run(program, on: inputs)
    }

    package func stack(_ parts: [BitPlanes]) -> BitPlanes {
        base.stack(parts)
    }

    package func slab(_ a: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        base.slab(a, range)
    }

    package func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        base.keep(a, where: bits)
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes) {
        base.accumulate(&sum, adding: a, where: bits)
    }

    package func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        base.negate(a, where: bits)
    }

    package func pack(_ a: RingTensor, bits: Int) -> RingTensor {
        base.pack(a, bits: bits)
    }

    package func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor {
        base.unpack(words, bits: bits, shape: shape)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingUnpacked words: RingTensor,
        bits: Int,
        shiftedLeft shift: Int,
        where chosen: BitPlanes
    ) {
        base.accumulate(&sum, addingUnpacked: words, bits: bits, shiftedLeft: shift, where: chosen)
    }

    package func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes {
        base.subsetProducts(of: planes, starts: starts, size: size)
    }

    package func borrows(
        of planes: BitPlanes,
        starts: [Int],
        size: Int,
        products: BitPlanes,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitPlanes {
        base.borrows(
            of: planes,
            starts: starts,
            size: size,
            products: products,
            first: first,
            generate: generate,
            propagate: propagate
        )
    }

    package func borrows(
        of planes: BitPlanes,
        _ kinds: [BorrowGroups],
        products: [BitPlanes],
        first: Bool
    ) -> BitPlanes {
        base.borrows(of: planes, kinds, products: products, first: first)
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
        base.select(hat, beta: beta, product: product, mask: mask, where: bits, first: first, to: &out, at: start)
    }

    package func selection(
        of hat: RingTensor,
        beta: RingTensor,
        product: RingTensor,
        mask: RingTensor,
        where bits: BitPlanes,
        first: Bool
    ) -> RingTensor {
        base.selection(of: hat, beta: beta, product: product, mask: mask, where: bits, first: first)
    }

    package func weights(of bits: [BitPlanes], factors: [UInt64], constant: UInt64) -> RingTensor {
        base.weights(of: bits, factors: factors, constant: constant)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        adding a: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        base.accumulate(&sum, adding: a, times: factor, negatedWhere: bits)
    }

    package func accumulate(
        _ sum: inout RingTensor,
        addingProductOf a: RingTensor,
        _ b: RingTensor,
        less c: RingTensor,
        times factor: UInt64,
        negatedWhere bits: BitPlanes
    ) {
        base.accumulate(&sum, addingProductOf: a, b, less: c, times: factor, negatedWhere: bits)
    }

    package func truncate(_ a: RingTensor, by shift: Int) -> (RingTensor, selector: BitPlanes) {
        base.truncate(a, by: shift)
    }
}
