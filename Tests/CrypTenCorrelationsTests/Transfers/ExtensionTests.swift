import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Crypto
import Testing

@Suite("Extension of transfers")
struct ExtensionTests {
    @Test("the test's AES is the standard's")
    func tables() {
        // FIPS 197, appendix B, as little-endian words.
        let made = TableAES(0xA6D2_AE28_1615_7E2B, 0x3C4F_CF09_8815_F7AB).encrypt(
            0x8D30_5A88_A8F6_4332,
            0x3407_37E0_A298_3131
        )
        #expect(made.low == 0xFB09_DC02_1D84_2539 && made.high == 0x320B_6A19_9785_11DC)
    }

    @Test("rows and messages are those of the papers' formulas", arguments: TreeHeight.allCases, [1, 2])
    func formulas(height: TreeHeight, planes: Int) throws {
        let session = KnownSession(height, seed: 0x5EED)
        // One word more than a slab, and a plane that begins within one slab and ends in the next; but for the trees of 256 leaves: there a few words
        // take as long.
        let words = height == .eight ? 3 : planes == 1 ? 33 : 30
        let choices = Numbers.planesOf(planes, count: 64 * words, seed: 2)
        let slow = SlowTransfers(session).extend(choices.asWords.elements)
        let (sending, receiving) = (session.sender().run([1]), session.receiver().run([1]))
        let (message, received) = try receiving.extend(choices)
        let sent = try sending.absorb(message, planes: planes, count: 64 * words)
        #expect(message.elements == slow.message)
        for plane in 0..<planes {
            let range = 128 * words * plane..<128 * words * (plane + 1)
            #expect(received.rows(ofPlane: plane) == Array(slow.t[range]))
            #expect(sent.rows(ofPlane: plane) == Array(slow.q[range]))
        }
    }

    @Test("q = t ⊕ b·Δ for every transfer, whatever kernels", arguments: everyKernels.indices, TreeHeight.allCases)
    func correlated(index: Int, height: TreeHeight) throws {
        let kernels = everyKernels[index]
        let slow = kernels.cipher == .bitsliced && height == .eight
        for (planes, count) in [(1, 1), (2, 63), (1, 64), (3, 65), (1, 2048), (5, 700), (1, 2049), (2, 3_950)]
        where !slow || count < 100 {
            let session = KnownSession(height, seed: UInt64(count))
            let choices = Numbers.planesOf(planes, count: count, seed: 3)
            let (sent, received) = try session.transfers(choices, kernels)
            for plane in 0..<planes {
                let (q, t) = (sent.rows(ofPlane: plane), received.rows(ofPlane: plane))
                let bits = choices.bits(ofPlane: plane)
                let expected = t.enumerated().map { $1 ^ (bits[$0 / 2] ? session.delta[$0 % 2] : 0) }
                #expect(q == expected, "\(kernels.name), \(kernels.cipher.rawValue), \(planes) planes of \(count)")
            }
        }
    }

    @Test("answers are known, on every instruction set and for any number of threads")
    func knownAnswers() throws {
        let known = [
            TreeHeight.two: "cae12c408dfdaff5", .four: "2401ed9b9c5edebe", .eight: "120485f11af1acfd",
        ]
        for height in TreeHeight.allCases {
            let session = KnownSession(height, seed: 77)
            let count = height == .eight ? 2_100 : 10_000
            let choices = Numbers.planesOf(3, count: count, seed: 4)
            let words = RingTensor(Numbers.wordsOf(count, seed: 5), shape: [count])
            let threaded = [NativeKernels(threads: 3)]
            for kernels in everyKernels + threaded where height != .eight || kernels.cipher != .bitsliced {
                var hash = SHA256()
                func add(_ words: RingTensor) {
                    for word in words.elements {
                        withUnsafeBytes(of: word.littleEndian) { hash.update(bufferPointer: $0) }
                    }
                }
                let (sending, receiving) = (session.sender(kernels).run([1]), session.receiver(kernels).run([1]))
                let (message, received) = try receiving.extend(choices)
                let sent = try sending.absorb(message, planes: 3, count: count)
                add(message)
                let (put, taken) = (try sent.choice(1), try received.choice(1))
                for width in [1, 8, 33, 64] {
                    let (message, share) = put.times(words, width: width)
                    add(message)
                    add(share)
                    add(try taken.times(message, width: width))
                }
                let (wide, _) = put.times(WideWords(low: words, high: words), width: 88)
                add(wide)
                let (bits, _) = put.times(choices)
                add(bits)
                let digest = hash.finalize().prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                #expect(
                    digest == known[height],
                    "\(kernels.name), \(kernels.cipher.rawValue), \(kernels.threads) threads"
                )
            }
        }
    }

    @Test("a later extension of a run, and a later run, has other rows than the first")
    func fresh() throws {
        let session = KnownSession(.two, seed: 6)
        let choices = BitPlanes(zeros: 1, count: 64)
        let receiver = session.receiver()
        let run = receiver.run([1])
        let first = try run.extend(choices)
        let second = try run.extend(choices)
        let third = try receiver.run([1]).extend(choices)
        let other = try KnownSession(.two, seed: 6, label: "b to a").receiver().run([1]).extend(choices)
        let bound = try session.receiver().run([2]).extend(choices)
        let rows = [first, second, third, other, bound].flatMap { extended in
            let words = extended.transfers.rows(ofPlane: 0)
            return stride(from: 0, to: words.count, by: 2).map { [words[$0], words[$0 + 1]] }
        }
        #expect(Set(rows).count == 5 * 64)
        #expect(Set([first, second, third, other, bound].map(\.message.elements)).count == 5)
    }

    @Test("messages of other lengths, and runs that have ended, are refused")
    func refused() throws {
        let session = KnownSession(.four, seed: 8)
        let (sending, receiving) = (session.sender().run([1]), session.receiver().run([1]))
        let (message, _) = try receiving.extend(BitPlanes(zeros: 2, count: 100))
        for words in [0, 1, message.count - 1] {
            #expect { try sending.absorb(message.flat(0..<words), planes: 2, count: 100) } throws: {
                code($0) == .malformedFrame
            }
        }
        _ = try sending.absorb(message, planes: 2, count: 100)
        sending.end()
        receiving.end()
        #expect { try sending.absorb(message, planes: 2, count: 100) } throws: { code($0) == .sessionClosed }
        #expect { try receiving.extend(BitPlanes(zeros: 2, count: 100)) } throws: { code($0) == .sessionClosed }
    }
}

func code(_ error: any Error) -> CrypTenError.Code? {
    (error as? CrypTenError)?.code
}

extension Numbers {
    static func planesOf(_ planes: Int, count: Int, seed: UInt64) -> BitPlanes {
        var numbers = Numbers(seed: seed)
        return numbers.planes(planes, count: count)
    }

    static func wordsOf(_ count: Int, seed: UInt64) -> [UInt64] {
        var numbers = Numbers(seed: seed)
        return numbers.words(count)
    }
}
