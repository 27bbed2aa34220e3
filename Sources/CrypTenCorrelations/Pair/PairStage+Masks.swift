import CrypTenBase
package import CrypTenGates
import CrypTenRing

// Functions of masks of ring elements.
extension PairStage {
    /// A mask's words, of rank 1.
    func flat(_ mask: PairMask) -> PairWords {
        let count = mask.shape.count
        return mask.words(kernels).map { $0.reshaped(to: [count]) }
    }

    /// Deals −x modulo 2^bits, packed.
    func dealNegated(_ words: PairWords, bits: Int) throws {
        let kernels = kernels
        try run.deal(words.part.map { kernels.pack(kernels.negate($0), bits: bits) })
    }

    // MARK: The other mask of a truncation read in place
    //
    // With t = r63 the masks are h and h − 2^(64 − k)·t, and φ(alternative) − φ(mask) = Σ_j≥1 … t, as t^j = t: t times a polynomial of h, dealt modulo 2^k.

    /// The masks whose bits those of the wire's are, piece by piece.
    private func bitwise(of wire: WireMask<PairMask>) -> [BitwiseMask] {
        wire.mask.origin.untruncated(wire.mask.range).pieces
    }

    /// t as a number modulo 2^bits.
    func top(of wire: WireMask<PairMask>, _ bits: Int) -> PairWords {
        PairWords.joining(bitwise(of: wire).map { $0.top(modulo: bits) }, kernels)
    }

    /// Words where t is 1, else 0, modulo 2^bits.
    private func select(byTopOf wire: WireMask<PairMask>, _ words: PairWords, bits: Int) -> PairWords {
        var start = 0
        let parts = bitwise(of: wire).map { piece in
            defer { start += piece.count }
            let some = piece.count == words.count ? words : words.flat(start..<start + piece.count)
            return pair.select(piece.bits, plane: 63, [some], width: bits)[0]
        }
        return PairWords.joining(parts, kernels)
    }

    // MARK: Products

    package func dealProduct(_ product: MaskProduct<PairMask>) throws {
        try run.deal(run.products.product(product.form, flat(product.left), flat(product.right), in: run).part)
    }

    package func dealProduct(of wire: WireMask<PairMask>, times other: PairMask) throws {
        try run.deal(run.product(flat(wire.mask), flat(other)).part)
        guard let alternative = wire.alternative else { return }
        try dealNegated(select(byTopOf: wire, flat(other), bits: alternative.shift), bits: alternative.shift)
    }

    package func dealPowers(of wire: WireMask<PairMask>, exponents: ClosedRange<Int>) throws {
        let (kernels, party) = (kernels, pair.party)
        let mask = flat(wire.mask)
        let powers = try [mask] + run.powers(mask, degree: exponents.upperBound)
        for exponent in exponents {
            try run.deal(powers[exponent - 1].part)
            guard let alternative = wire.alternative else { continue }
            let k = alternative.shift
            // ((h − 2^(64−k)·t)^d − h^d) / 2^(64−k) = t · Σ_j (−1)^j·C(d, j)·2^((64−k)(j−1))·h^(d−j)
            let terms = (1...exponent).filter { (64 - k) * ($0 - 1) < k }
            let sum = PairWords(
                count: mask.count,
                part: Later(at: powers.map(\.moment).max()!) {
                    var sum = RingTensor(zeros: [mask.count])
                    for j in terms {
                        let factor = UInt64(Pair.binomial(exponent, j)) << UInt64((64 - k) * (j - 1))
                        let signed = j % 2 == 0 ? factor : 0 &- factor
                        if exponent == j {
                            if party == 0 { sum = kernels.add(sum, scalar: signed) }
                        } else {
                            kernels.accumulate(&sum, adding: try powers[exponent - j - 1].part.value(), times: signed)
                        }
                    }
                    return sum
                }
            )
            let selected = select(byTopOf: wire, sum, bits: k)
            try run.deal(selected.part.map { kernels.pack($0, bits: k) })
        }
    }

    package func dealShares(of wire: WireMask<PairMask>) throws {
        try run.deal(flat(wire.mask).part)
        guard let alternative = wire.alternative else { return }
        try dealNegated(top(of: wire, alternative.shift), bits: alternative.shift)
    }

    // MARK: What reads bits

    /// r of a wire in pieces, whose d is dealt.
    ///
    /// Where the wire is truncated by `shift`, what will be read of r's shares is made, too, while there are transfers.
    private func read(_ mask: PairMask, truncatedBy shift: Int? = nil) throws -> [BitwiseMask] {
        _ = numbers.bitwise()
        let words = flat(mask)
        var differences: [Later<RingTensor>] = []
        let pieces = try mask.origin.ranges(mask.range).map { range in
            // Of a whole layer's elements some at a time; but what reads the bits of these comes in the same turn.
            try run.exchangeIfFull()
            let start = range.lowerBound - mask.range.lowerBound
            let piece = mask.origin.piece(range)
            let some = range == mask.range ? words : words.flat(start..<start + range.count)
            if let shift { piece.prepare(shiftedBy: shift) }
            differences.append(piece.difference(from: some))
            return piece
        }
        try run.deal(difference: differences, count: mask.shape.count)
        return pieces
    }

    package func bits(of wire: WireMask<PairMask>, _ ranges: [Range<Int>]) throws -> [PairPlanes] {
        let pieces: [BitwiseMask]
        if wire.alternative == nil {
            pieces = try read(wire.mask)
        } else {
            _ = numbers.bitwise()
            try run.deal(difference: nil, count: 0)
            pieces = bitwise(of: wire)
        }
        let shift = wire.alternative?.shift ?? 0
        return ranges.map { range in
            precondition(range.upperBound + shift <= 64, "bits \(range) of a mask of \(64 - shift)")
            let planes = range.lowerBound + shift..<range.upperBound + shift
            let parts = pieces.map { PairPlanes($0.bits, planes) }
            return parts.count == 1 ? parts[0] : PairPlanes(PairBits.concatenating(parts, kernels))
        }
    }

    package func truncated(_ wire: WireMask<PairMask>, by shift: Int) throws -> WireMask<PairMask> {
        precondition(
            (1...62).contains(shift) && wire.alternative == nil,
            "a truncation is by 1 to 62 bits, and not of one"
        )
        _ = try read(wire.mask, truncatedBy: shift)
        let shape = wire.mask.shape
        let origin = PairOrigin(count: shape.count, .truncated(wire.mask.origin, wire.mask.range, shift: shift), run)
        let mask = PairMask(shape, nil, origin)
        // The other mask is the same but for the top bit, which requests read from where it lies.
        return WireMask(mask: mask, sharesHeld: false, alternative: .init(mask: mask, shift: shift))
    }

    package func dealQuotient(of mask: PairMask, factor: UInt64) throws {
        let pieces = try read(mask)
        try run.deal(PairWords.joining(pieces.map { $0.quotient(factor: factor) }, kernels).part)
        try run.deal(PairWords.joining(pieces.map { $0.top(modulo: 64) }, kernels).part)
    }

    package func dealOctaves(
        of mask: PairMask,
        where bits: PairPlanes,
        entries: Int,
        octaves: Int,
        fractionBits: Int
    ) throws {
        _ = numbers.bitwise()
        var differences: [Later<RingTensor>] = []
        var start = 0
        let powers = try run.inPieces(flat(mask)) { [kernels, run] words in
            let octaves = PairOctaves(run, count: words.count, entries: entries, fractionBits: fractionBits)
            differences.append(octaves.difference(from: words))
            defer { start += words.count }
            return octaves.powers(where: bits.slab(start..<start + words.count, kernels))
        }
        try run.deal(difference: differences, count: mask.shape.count)
        for words in powers { try run.deal(words.part) }
    }

    package func dealHarmonics(of mask: PairMask, numbers: ClosedRange<Int>) throws {
        for number in numbers {
            for wave in try run.harmonics(flat(mask), number: number) { try run.deal(wave.part) }
        }
    }
}
