import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Words that choices weigh")
struct ChoiceTests {
    private static let edges: [UInt64] = [
        0, 1, 1 << 63, 1 << 63 - 1, .max, .max - 1, 0xFFFF, 0x1_0000, 1 << 32, 1 << 32 - 1,
    ]

    @Test("shares of b·c add up modulo 2^w for every width, whatever kernels", arguments: everyKernels.indices)
    func widths(index: Int) throws {
        let kernels = everyKernels[index]
        for count in kernels.cipher == .bitsliced ? [65, 600] : [1, 64, 511, 512, 513, 1_300] {
            let choices = Numbers.planesOf(1, count: count, seed: UInt64(count))
            let (sent, received) = try KnownSession(.two, seed: 1).transfers(choices, kernels)
            let (put, taken) = (try sent.choice(0), try received.choice(0))
            var words = Numbers.wordsOf(count, seed: 2)
            for (i, edge) in ChoiceTests.edges.enumerated() where i < count { words[i] = edge }
            let bits = choices.bits(ofPlane: 0)
            for width in 1...64 {
                let (message, own) = put.times(RingTensor(words, shape: [count]), width: width)
                #expect(message.count == (count * width + 63) / 64)
                let other = try taken.times(message, width: width)
                let sums = zip(own.elements, other.elements).map { ($0 &+ $1) & lowMask(width) }
                #expect(
                    sums == zip(bits, words).map { ($0 ? $1 : 0) & lowMask(width) },
                    "\(count) of \(width) bits, \(kernels.name)"
                )
                #expect(
                    own.elements.allSatisfy { $0 <= lowMask(width) }
                        && other.elements.allSatisfy { $0 <= lowMask(width) }
                )
            }
        }
    }

    /// A way to use a plane's transfers: what is weighed, one after the other.
    private static let ways: [[PadUse]] = [
        [.words(width: 41)], [.words(width: 17), .bits(planes: 7)], [.bits(planes: 7), .words(width: 90)],
        // Bits that follow words in a half, and in the next; words between them; and a block that bits begin.
        [.words(width: 50), .bits(planes: 7), .bits(planes: 7), .bits(planes: 7), .words(width: 17), .bits(planes: 7)],
        [.words(width: 63), .bits(planes: 64), .bits(planes: 1), .bits(planes: 64)],
        [.bits(planes: 3), .bits(planes: 5), .bits(planes: 64), .words(width: 1), .words(width: 2)],
    ]

    @Test(
        "rows that are made as they are used, and pads that are made before their bits, give what kept rows do, whatever kernels",
        arguments: everyKernels.indices,
        TreeHeight.allCases
    )
    func made(index: Int, height: TreeHeight) throws {
        let (kernels, threaded) = (everyKernels[index], NativeKernels(threads: 3))
        let ways = ChoiceTests.ways
        // Planes of an even number of words that fill their slabs; one that is alone; many, where a piece has several slabs; small ones, that share them.
        for (planes, count) in [(4, 3_950), (1, 65), (4, 33_280), (6, 100)]
        where kernels.cipher != .bitsliced || count <= 100 {
            if height == .eight, count > 10_000 { continue }
            let choices = Numbers.planesOf(planes, count: count, seed: 21)
            let words = RingTensor(Numbers.wordsOf(count, seed: 22), shape: [count])
            let bits = Numbers.planesOf(64, count: count, seed: 23)
            func everything(_ kernels: NativeKernels, isKnown: Bool) throws -> [[UInt64]] {
                let (sent, received) = try KnownSession(height, seed: 24).transfers(choices, kernels)
                var made: [[UInt64]] = []
                for plane in 0..<planes {
                    let uses = ways[(plane + planes) % ways.count]
                    let put = try sent.choice(plane, uses: isKnown ? uses : nil)
                    let taken = try received.choice(plane, uses: isKnown ? uses : nil)
                    for use in uses {
                        switch use {
                        case .words(let width) where width > 64:
                            let (message, own) = put.times(WideWords(low: words, high: words), width: width)
                            let other = try taken.timesWide(message, width: width)
                            made += [message, own.low, own.high, other.low, other.high].map(\.elements)
                        case .words(17):
                            var (own, other) = (words, words)
                            let message = put.add(ones: bits[0], width: 17, shiftedBy: 3, to: &own)
                            try taken.add(message, width: 17, shiftedBy: 3, to: &other)
                            made += [message.elements, own.elements, other.elements]
                        case .words(let width):
                            let (message, own) = put.times(words, width: width)
                            made += [message.elements, own.elements, try taken.times(message, width: width).elements]
                        case .bits(let some):
                            let (message, own) = put.times(bits[0..<some])
                            let other = try taken.times(message, planes: some)
                            made += [message.elements, own.asWords.elements, other.asWords.elements]
                            // Shares of the bits where the choice is 1.
                            let chosen = choices[plane].asWords.elements
                            let sums = zip(own.asWords.elements, other.asWords.elements).map { $0 ^ $1 }
                            let expected = bits[0..<some].asWords.elements.enumerated().map {
                                $1 & chosen[$0 % chosen.count]
                            }
                            #expect(sums == expected, "\(kernels.name), plane \(plane) of \(count)")
                        }
                    }
                }
                return made
            }
            let kept = try everything(kernels, isKnown: false)
            #expect(try everything(kernels, isKnown: true) == kept, "\(kernels.name), \(planes) planes of \(count)")
            #expect(try everything(threaded, isKnown: true) == kept, "\(planes) planes of \(count)")
        }
    }

    @Test("a block of pads is hashed once for all bits that are taken of it, and for the first words")
    func passes() {
        #expect(ChoiceTests.ways.map(PadUse.passes) == [1, 1, 2, 2, 2, 3])
    }

    @Test("and for numbers of two words", arguments: [65, 66, 88, 104, 127, 128])
    func wide(width: Int) throws {
        for kernels in everyKernels {
            let count = 700
            let choices = Numbers.planesOf(1, count: count, seed: 3)
            let (sent, received) = try KnownSession(.four, seed: 2).transfers(choices, kernels)
            let (put, taken) = (try sent.choice(0), try received.choice(0))
            // The block after a narrow word's.
            _ = try taken.times(put.times(RingTensor(zeros: [count]), width: 3).message, width: 3)
            var (low, high) = (Numbers.wordsOf(count, seed: 4), Numbers.wordsOf(count, seed: 5))
            for (i, edge) in ChoiceTests.edges.enumerated() {
                (low[i], high[i]) = (edge, i % 2 == 0 ? .max : 0)
            }
            let words = WideWords(low: RingTensor(low, shape: [count]), high: RingTensor(high, shape: [count]))
            let (message, own) = put.times(words, width: width)
            #expect(message.count == count + (count * (width - 64) + 63) / 64)
            let other = try taken.timesWide(message, width: width)
            let bits = choices.bits(ofPlane: 0)
            let mask = lowMask(width - 64)
            for i in 0..<count {
                let (sum, carry) = own.low.elements[i].addingReportingOverflow(other.low.elements[i])
                let top = (own.high.elements[i] &+ other.high.elements[i] &+ (carry ? 1 : 0)) & mask
                #expect(sum == (bits[i] ? low[i] : 0) && top == (bits[i] ? high[i] & mask : 0), "\(i), \(kernels.name)")
            }
        }
    }

    @Test("XOR shares of b & c, for up to 64 planes", arguments: [1, 2, 11, 64])
    func bits(planes: Int) throws {
        for kernels in everyKernels {
            for count in [1, 64, 600] {
                let choices = Numbers.planesOf(2, count: count, seed: 6)
                let (sent, received) = try KnownSession(.two, seed: 7).transfers(choices, kernels)
                let (put, taken) = (try sent.choice(1), try received.choice(1))
                for seed in 0..<3 {
                    let bits = Numbers.planesOf(planes, count: count, seed: UInt64(10 + seed))
                    let (message, own) = put.times(bits)
                    let other = try taken.times(message, planes: planes)
                    let chosen = choices[1].asWords.elements
                    let got = zip(own.asWords.elements, other.asWords.elements).map { $0 ^ $1 }
                    #expect(got == bits.asWords.elements.enumerated().map { $1 & chosen[$0 % chosen.count] })
                }
            }
        }
    }

    @Test("one choice serves words of all kinds, one after the other")
    func mixed() throws {
        let count = 130
        let choices = Numbers.planesOf(1, count: count, seed: 8)
        let (sent, received) = try KnownSession(.two, seed: 9).transfers(choices)
        let (put, taken) = (try sent.choice(0), try received.choice(0))
        let chosen = choices.bits(ofPlane: 0)
        for step in 0..<40 {
            let words = RingTensor(Numbers.wordsOf(count, seed: UInt64(step)), shape: [count])
            switch step % 3 {
            case 0:
                let width = 1 + 5 * step % 64
                let (message, own) = put.times(words, width: width)
                let other = try taken.times(message, width: width)
                for i in 0..<count {
                    let sum = (own.elements[i] &+ other.elements[i]) & lowMask(width)
                    #expect(sum == (chosen[i] ? words.elements[i] & lowMask(width) : 0))
                }
            case 1:
                let (message, own) = put.times(WideWords(low: words, high: words), width: 88)
                let other = try taken.timesWide(message, width: 88)
                for i in 0..<count {
                    #expect(own.low.elements[i] &+ other.low.elements[i] == (chosen[i] ? words.elements[i] : 0))
                }
            default:
                let bits = Numbers.planesOf(1 + step % 7, count: count, seed: UInt64(step))
                let (message, own) = put.times(bits)
                let other = try taken.times(message, planes: bits.planes)
                for plane in 0..<bits.planes {
                    let expected = zip(chosen, bits.bits(ofPlane: plane)).map { $0 && $1 }
                    #expect(zip(own.bits(ofPlane: plane), other.bits(ofPlane: plane)).map { $0 != $1 } == expected)
                }
            }
        }
    }

    @Test("more threads give the same bits")
    func threads() throws {
        let count = 70_001
        let choices = Numbers.planesOf(1, count: count, seed: 12)
        let words = RingTensor(Numbers.wordsOf(count, seed: 13), shape: [count])
        let bits = Numbers.planesOf(3, count: count, seed: 14)
        let all = try [1, 4].map { threads -> [[UInt64]] in
            let kernels = NativeKernels(threads: threads)
            let (sent, received) = try KnownSession(.four, seed: 15).transfers(choices, kernels)
            let (put, taken) = (try sent.choice(0), try received.choice(0))
            let narrow = put.times(words, width: 37)
            let wide = put.times(WideWords(low: words, high: words), width: 88)
            let planes = put.times(bits)
            let gotNarrow = try taken.times(narrow.message, width: 37)
            let gotWide = try taken.timesWide(wide.message, width: 88)
            let gotPlanes = try taken.times(planes.message, planes: 3)
            let tensors = [
                narrow.message, narrow.share, wide.message, wide.share.low, wide.share.high, planes.message,
                planes.share.asWords, gotNarrow, gotWide.low, gotWide.high, gotPlanes.asWords,
            ]
            return tensors.map(\.elements)
        }
        for (one, four) in zip(all[0], all[1]) { #expect(one == four) }
    }

    @Test("a transfer is handed out once")
    func once() throws {
        let (sent, received) = try KnownSession(.two, seed: 10).transfers(BitPlanes(zeros: 3, count: 10))
        _ = try sent.choice(1)
        _ = try received.choice(1)
        #expect { try sent.choice(1) } throws: { code($0) == .wordReused }
        #expect { try received.choice(1) } throws: { code($0) == .wordReused }
        _ = try sent.choice(0)
        _ = try sent.choice(2)
        #expect { try sent.choice(0) } throws: { code($0) == .wordReused }
    }

    @Test("messages of other lengths are refused")
    func lengths() throws {
        let (_, received) = try KnownSession(.two, seed: 11).transfers(BitPlanes(zeros: 1, count: 100))
        let choice = try received.choice(0)
        for words in [0, 49, 51] {
            let message = RingTensor(zeros: [words])
            #expect { try choice.times(message, width: 32) } throws: { code($0) == .malformedFrame }
            #expect { try choice.timesWide(message, width: 88) } throws: { code($0) == .malformedFrame }
            #expect { try choice.times(message, planes: 2) } throws: { code($0) == .malformedFrame }
        }
    }

    @Test(
        "no two words' pads are the same: of two words, two blocks, two transfers, two runs, two directions, two sessions"
    )
    func pads() throws {
        var seen: Set<UInt64> = []
        var made = 0
        let count = 64
        let zeros = RingTensor(zeros: [count])
        for seed in 0..<2 as Range<UInt64> {
            for label in ["a to b", "b to a"] {
                let session = KnownSession(.two, seed: seed, label: label)
                let (sender, receiver) = (session.sender(), session.receiver())
                for _ in 0..<2 {
                    let (sending, receiving) = (sender.run([1]), receiver.run([1]))
                    let (message, _) = try receiving.extend(BitPlanes(zeros: 1, count: count))
                    let choice = try sending.absorb(message, planes: 1, count: count).choice(0)
                    for _ in 0..<6 {
                        let (message, share) = choice.times(zeros)
                        seen.formUnion(message.elements)
                        seen.formUnion(share.elements)
                        made += 2 * count
                    }
                }
            }
        }
        #expect(seen.count == made)
    }
}
