extension PlainKernels {
    package func planes(of a: RingTensor, from low: Int, count planes: Int) -> BitPlanes {
        precondition(low >= 0 && planes >= 0 && low + planes <= 64, "planes \(low) ..< \(low + planes) of 64")
        var out = BitPlanes(zeros: planes, count: a.count)
        let (count, wordsPerPlane) = (a.count, out.wordsPerPlane)
        a.withWords { a in
            out.withMutableWords { out in
                for plane in 0..<planes {
                    for i in 0..<count {
                        out[plane * wordsPerPlane + i / 64] |= (a[i] &>> UInt64(low + plane) & 1) &<< UInt64(i % 64)
                    }
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
        var out = RingTensor(zeros: shape)
        let wordsPerPlane = bits.wordsPerPlane
        bits.withWords { words in
            out.withMutableWords { out in
                for plane in 0..<bits.planes {
                    for i in 0..<bits.count {
                        out[i] |= (words[plane * wordsPerPlane + i / 64] &>> UInt64(i % 64) & 1) &<< UInt64(plane)
                    }
                }
            }
        }
        return out
    }

    package func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        var out = a
        accumulate(&out, xor: b)
        return out
    }

    package func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        var out = a
        update(&out, b) { $0 & $1 }
        return out
    }

    package func not(_ a: BitPlanes) -> BitPlanes {
        var out = a
        update(&out, a) { _, bit in ~bit }
        out.clearTails()
        return out
    }

    package func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes) {
        update(&sum, a) { $0 ^ $1 }
    }

    package func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes) {
        accumulate(&sum, xor: and(a, b))
    }

    package func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes {
        program.check(inputs)
        let count = inputs[0].count
        let words = BitPlanes.words(for: count)
        let zeros = [UInt64](repeating: 0, count: words)
        var places = [[UInt64]](repeating: zeros, count: program.registers)
        for input in inputs {
            for plane in 0..<input.planes { places.append(input[plane].asWords.elements) }
        }
        places += [[UInt64]](repeating: zeros, count: program.outputs)
        for step in program.steps {
            let (a, b, c) = (places[step.a], places[step.b], places[step.c])
            places[step.out] = (0..<words).map { i in
                switch step.operation {
                case .and: a[i] & b[i]
                case .xor: a[i] ^ b[i]
                case .xorAnd: c[i] ^ (a[i] & b[i])
                case .not: ~a[i]
                case .copy: a[i]
                case .clear: 0
                }
            }
        }
        let out = RingTensor(places.suffix(program.outputs).flatMap { $0 }, shape: [program.outputs * words])
        return BitPlanes(out, planes: program.outputs, count: count)
    }

    package func stack(_ parts: [BitPlanes]) -> BitPlanes {
        precondition(
            !parts.isEmpty && parts.allSatisfy { $0.count == parts[0].count },
            "stacking planes of unequal counts"
        )
        var out = BitPlanes(uninitialized: parts.map(\.planes).reduce(0, +), count: parts[0].count)
        out.withMutableWords { out in
            var start = 0
            for part in parts {
                let words = part.planes * part.wordsPerPlane
                part.withWords { part in
                    for i in 0..<words { out[start + i] = part[i] }
                }
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
                for plane in 0..<planes {
                    for i in 0..<to { out[plane * to + i] = a[plane * from + range.lowerBound / 64 + i] }
                }
            }
        }
        out.clearTails()
        return out
    }

    package func keep(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        combine(a, maskWords(bits, a.shape)) { $0 & $1 }
    }

    package func accumulate(_ sum: inout RingTensor, adding a: RingTensor, where bits: BitPlanes) {
        accumulate(&sum, adding: keep(a, where: bits))
    }

    package func negate(_ a: RingTensor, where bits: BitPlanes) -> RingTensor {
        combine(a, maskWords(bits, a.shape)) { ($0 ^ $1) &- $1 }
    }

    /// All ones where the bit is 1, else 0.
    private func maskWords(_ bits: BitPlanes, _ shape: Shape) -> RingTensor {
        precondition(bits.planes == 1, "\(bits.planes) planes where one is meant")
        return negate(words(of: bits, shape: shape))
    }

    func update(_ sum: inout BitPlanes, _ a: BitPlanes, _ body: (UInt64, UInt64) -> UInt64) {
        precondition(sum.planes == a.planes && sum.count == a.count, "planes of unequal extents")
        let words = sum.planes * sum.wordsPerPlane
        a.withWords { a in
            sum.withMutableWords { sum in
                for i in 0..<words { sum[i] = body(sum[i], a[i]) }
            }
        }
    }

    // MARK: Words of few bits

    package func pack(_ a: RingTensor, bits: Int) -> RingTensor {
        let mask = lowBitsMask(bits)
        var out = RingTensor(zeros: [(a.count * bits + 63) / 64])
        a.withWords { words in
            out.withMutableWords { out in
                for i in 0..<a.count {
                    let (word, shift) = ((i * bits) / 64, (i * bits) % 64)
                    out[word] |= (words[i] & mask) &<< UInt64(shift)
                    if shift + bits > 64 { out[word + 1] |= (words[i] & mask) &>> UInt64(64 - shift) }
                }
            }
        }
        return out
    }

    package func unpack(_ words: RingTensor, bits: Int, shape: Shape) -> RingTensor {
        let mask = lowBitsMask(bits)
        precondition(
            words.count == (shape.count * bits + 63) / 64,
            "\(words.count) words can't hold \(shape) of \(bits) bits"
        )
        var out = RingTensor(uninitialized: shape)
        words.withWords { words in
            out.withMutableWords { out in
                for i in 0..<shape.count {
                    let (word, shift) = ((i * bits) / 64, (i * bits) % 64)
                    var element = words[word] &>> UInt64(shift)
                    if shift + bits > 64 { element |= words[word + 1] &<< UInt64(64 - shift) }
                    out[i] = element & mask
                }
            }
        }
        return out
    }
}
