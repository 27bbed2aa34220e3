internal import CCrypTenKernels

extension NativeKernels {
    package func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes {
        precondition(low >= 0 && planes >= 0 && low + planes <= 64, "planes \(low) ..< \(low + planes) of 64")
        var out = BitPlanes(uninitialized: planes, count: a.count)
        let (count, step) = (a.count, out.wordsPerPlane)
        a.withWords { a in
            out.withMutableWords { out in
                split(count, work: 2, unit: 512) { range in
                    cct_planes_of_words(
                        set,
                        out + range.lowerBound / 64,
                        step,
                        a + range.lowerBound,
                        range.count,
                        UInt32(low),
                        UInt32(planes)
                    )
                }
            }
        }
        return out
    }

    package func words(of bits: BitPlanes, shape: Shape) -> RingTensor {
        precondition(
            bits.planes <= 64 && bits.count == shape.count,
            "\(bits.planes) planes of \(bits.count) as \(shape)"
        )
        var out = RingTensor(uninitialized: shape)
        bits.withWords { words in
            out.withMutableWords { out in
                split(bits.count, work: 2, unit: 512) { range in
                    cct_words_of_planes(
                        set,
                        out + range.lowerBound,
                        words + range.lowerBound / 64,
                        bits.wordsPerPlane,
                        range.count,
                        UInt32(bits.planes)
                    )
                }
            }
        }
        return out
    }

    package func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        combine(a, b) { cct_bits_xor(set, $0, $1, $2, $3) }
    }

    package func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        combine(a, b) { cct_bits_and(set, $0, $1, $2, $3) }
    }

    package func not(_ a: BitPlanes) -> BitPlanes {
        var out = combine(a, a) { out, a, _, count in cct_bits_not(set, out, a, count) }
        out.clearTails()
        return out
    }

    package func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes) {
        update(&sum, a, a) { sum, old, a, _, count in cct_bits_xor(set, sum, old, a, count) }
    }

    package func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes) {
        update(&sum, a, b) { cct_bits_xor_and(set, $0, $1, $2, $3, $4) }
    }

    package func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes {
        program.check(inputs)
        var out = BitPlanes(uninitialized: program.outputs, count: inputs[0].count)
        let step = out.wordsPerPlane
        out.withMutableWords { out in
            split(step, work: program.steps.count) { range in
                let block = min(range.count, NativeKernels.wordsAtOnce(of: program))
                let registers = Storage(uninitialized: program.registers * block)
                // The planes live until the end of this function, and their words with them.
                withExtendedLifetime((inputs, registers)) {
                    var places: [MutableWords] = []
                    places.reserveCapacity(program.places)
                    func append(_ first: MutableWords, _ count: Int, step: Int) {
                        for index in 0..<count { places.append(first + index * step) }
                    }
                    if program.registers > 0 { append(registers.words, program.registers, step: block) }
                    for input in inputs where input.planes > 0 {
                        // Inputs are only read.
                        append(input.withWords { MutableWords(mutating: $0) }, input.planes, step: step)
                    }
                    append(out, program.outputs, step: step)
                    cct_bits_run(
                        set,
                        program.words,
                        program.steps.count,
                        places,
                        program.registers,
                        block,
                        range.lowerBound,
                        range.count
                    )
                }
            }
        }
        out.clearTails()
        return out
    }

    /// Of how many words of every plane all steps of a program are done before those of the next ones.
    ///
    /// Its registers stay in the first-level cache. Beyond that more is better: planes are read in runs of so many words, one plane after
    /// the other, and a processor fetches ahead of long runs alone.
    package static func wordsAtOnce(of program: BitProgram) -> Int {
        let cached = 1 << 12
        return max(64, cached / max(1, program.registers) / 8 * 8)
    }

    package func stack(_ parts: [BitPlanes]) -> BitPlanes {
        precondition(
            !parts.isEmpty && parts.allSatisfy { $0.count == parts[0].count },
            "stacking planes of unequal counts"
        )
        var out = BitPlanes(uninitialized: parts.map(\.planes).reduce(0, +), count: parts[0].count)
        out.withMutableWords { out in
            var start = out
            for part in parts {
                let words = part.planes * part.wordsPerPlane
                part.withWords { start.update(from: $0, count: words) }
                start += words
            }
        }
        return out
    }

    package func slab(_ a: BitPlanes, _ range: Range<Int>) -> BitPlanes {
        precondition(range.lowerBound >= 0 && range.upperBound <= a.count, "\(range) lies outside \(a.count) elements")
        precondition(range.lowerBound % 64 == 0, "a slab starts at a multiple of 64, not at \(range.lowerBound)")
        var out = BitPlanes(uninitialized: a.planes, count: range.count)
        let (planes, from, to) = (a.planes, a.wordsPerPlane, out.wordsPerPlane)
        a.withWords { a in
            out.withMutableWords { out in
                cct_u64_copy(out, to, 1, a + range.lowerBound / 64, from, 1, planes, to)
            }
        }
        out.clearTails()
        return out
    }

    package func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        choose(a, bits) { cct_u64_keep(set, $0, $1, $2, $3) }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes) {
        update(&sum, a, bits) { cct_u64_add_where(set, $0, $1, $2, $3) }
    }

    package func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        choose(a, bits) { cct_u64_negate_where(set, $0, $1, $2, $3) }
    }

    // MARK: Words of few bits

    package func pack(_ a: RingTensor, bits: Int) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        var out = RingTensor(uninitialized: [(a.count * bits + 63) / 64])
        let count = a.count
        a.withWords { a in
            out.withMutableWords { out in
                // 64 elements fill `bits` words: a thread's range begins at a word's beginning.
                split(count, work: 4, unit: 64) {
                    cct_few_bits_pack(set, out + $0.lowerBound / 64 * bits, a + $0.lowerBound, $0.count, UInt32(bits))
                }
            }
        }
        return out
    }

    package func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor {
        precondition((1...64).contains(bits), "\(bits) bits of a word")
        precondition(
            words.count == (shape.count * bits + 63) / 64,
            "\(words.count) words can't hold \(shape) of \(bits) bits"
        )
        var out = RingTensor(uninitialized: shape)
        words.withWords { words in
            out.withMutableWords { out in
                split(shape.count, work: 4, unit: 64) {
                    cct_few_bits_unpack(
                        set,
                        out + $0.lowerBound,
                        words + $0.lowerBound / 64 * bits,
                        $0.count,
                        UInt32(bits)
                    )
                }
            }
        }
        return out
    }
}

// MARK: Calls that the methods share

extension NativeKernels {
    private func combine(
        _ a: BitPlanes,
        _ b: BitPlanes,
        _ body: (MutableWords, Words, Words, Int) -> Void
    ) -> BitPlanes {
        var out = BitPlanes(uninitialized: a.planes, count: a.count)
        update(&out, a, b) { out, _, a, b, count in body(out, a, b, count) }
        return out
    }

    /// Calls `body` with where the sum goes, the sum as it is, `a` and `b`.
    private func update(
        _ sum: inout BitPlanes,
        _ a: BitPlanes,
        _ b: BitPlanes,
        _ body: (MutableWords, Words, Words, Words, Int) -> Void
    ) {
        precondition(
            sum.planes == a.planes && a.planes == b.planes && sum.count == a.count && a.count == b.count,
            "planes of unequal extents"
        )
        let words = a.planes * a.wordsPerPlane
        a.withWords { a in
            b.withWords { b in
                sum.withUpdatedWords { new, old in
                    split(words) { range in
                        let start = range.lowerBound
                        body(new + start, old + start, a + start, b + start, range.count)
                    }
                }
            }
        }
    }

    private func choose(
        _ a: RingTensor,
        _ bits: BitPlanes,
        _ body: (MutableWords, Words, Words, Int) -> Void
    ) -> RingTensor {
        var out = RingTensor(uninitialized: a.shape)
        update(&out, a, bits, body)
        return out
    }

    /// Elements with their bits, of one plane.
    private func update(
        _ sum: inout RingTensor,
        _ a: RingTensor,
        _ bits: BitPlanes,
        _ body: (MutableWords, Words, Words, Int) -> Void
    ) {
        precondition(bits.planes == 1 && bits.count == a.count, "\(bits.planes) planes of \(bits.count) for \(a.shape)")
        precondition(sum.count == a.count, "elementwise on shapes \(sum.shape) and \(a.shape)")
        let count = a.count
        a.withWords { a in
            bits.withWords { bits in
                sum.withMutableWords { sum in
                    split(count, unit: 64) {
                        body(sum + $0.lowerBound, a + $0.lowerBound, bits + $0.lowerBound / 64, $0.count)
                    }
                }
            }
        }
    }
}
