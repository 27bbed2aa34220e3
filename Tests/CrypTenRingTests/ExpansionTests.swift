import CrypTenRing
import Testing

@Suite("The counter-mode generator")
struct ExpansionTests {
    /// Single blocks.
    ///
    /// The counter's bytes are the plaintext; its first eight bytes are the block's index, so the vectors
    /// are those whose index is below 2^62.
    static let knownAnswers: [(key: String, plaintext: String, ciphertext: String, origin: String)] = [
        (
            "2b7e151628aed2a6abf7158809cf4f3c", "30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688",
            "NIST SP 800-38A, F.1.1, block 3"
        ),
        (
            "2b7e151628aed2a6abf7158809cf4f3c", "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4",
            "NIST SP 800-38A, F.1.1, block 4"
        ),
        (
            "10a58869d74be5a374cf867cfb473859", "00000000000000000000000000000000", "6d251e6944b051e04eaa6fb4dbf78465",
            "NIST AESAVS, KeySbox 128, 0"
        ),
        (
            "80000000000000000000000000000000", "00000000000000000000000000000000", "0edd33d3c621e546455bd8ba1418bec8",
            "NIST AESAVS, VarKey 128, 0"
        ),
        (
            "ffffffffffffffffffffffffffffffff", "00000000000000000000000000000000", "a1f6258c877d5fcd8964484538bfc92c",
            "NIST AESAVS, VarKey 128, 127"
        ),
        (
            "00000000000000000000000000000000", "80000000000000000000000000000000", "3ad78e726c1ec02b7ebfe92b23d9ec34",
            "NIST AESAVS, VarTxt 128, 0"
        ),
        (
            "000102030405060708090a0b0c0d0e0f", "00000000000000000000000000000000", "c6a13b37878f5b826f4f8162a1c8d879",
            "key of FIPS 197, C.1; ciphertext by OpenSSL 3.0"
        ),
    ]

    /// The two little-endian words of 32 hexadecimal digits.
    static func words(_ hex: String) -> (UInt64, UInt64) {
        let halves = [hex.prefix(16), hex.suffix(16)].map { UInt64($0, radix: 16)!.byteSwapped }
        return (halves[0], halves[1])
    }

    static let backends: [any Kernels] = [plain] + natives + generators

    @Test("blocks equal the published ones", arguments: backends.indices)
    func publishedBlocks(backend: Int) {
        for vector in Self.knownAnswers {
            let (low, high) = Self.words(vector.key)
            let (index, number) = Self.words(vector.plaintext)
            let (first, second) = Self.words(vector.ciphertext)
            let words = Self.backends[backend].expand(
                ExpansionKey(low: low, high: high),
                number: number,
                from: 2 * Int(index),
                shape: [2]
            )
            #expect(words.elements == [first, second], "\(vector.origin), \(Self.backends[backend].name)")
        }
    }

    static let key = ExpansionKey(low: 0x5EED_0000_0000_0001, high: 0x0123_4567_89AB_CDEF)

    @Test("an instruction set has the fastest cipher that goes with it")
    func choice() {
        let ciphers = NativeKernels.Cipher.available
        #expect(ciphers.contains(.bitsliced))
        for set in NativeKernels.available {
            let expected: [NativeKernels.Cipher] =
                switch set {
                case .avx512: [.vaes, .vaes256, .aesni, .bitsliced]
                case .avx2: [.vaes256, .aesni, .bitsliced]
                case .neon: [.armv8, .bitsliced]
                case .portable: [.bitsliced]
                }
            let kernels = NativeKernels(threads: 1, instructionSet: set)
            #expect(kernels.cipher == expected.first { ciphers.contains($0) }, "\(set.rawValue)")
        }
    }

    @Test("words equal the specification's, at even and odd starts", arguments: generators)
    func words(kernels: any Kernels) {
        var numbers = SeededNumbers(0x5EED)
        for count in counts {
            for start in [0, 1, 2, 127, 128, 12_345, 1 << 40] {
                let number = numbers.next()
                let expected = plain.expand(Self.key, number: number, from: start, shape: [count])
                #expect(
                    kernels.expand(Self.key, number: number, from: start, shape: [count]).elements == expected.elements,
                    "\(count) words from \(start)"
                )
                let base = numbers.tensor([count])
                var sum = base
                kernels.accumulateExpansion(&sum, Self.key, number: number, from: start, subtracting: false)
                #expect(sum.elements == plain.add(base, expected).elements)
                kernels.accumulateExpansion(&sum, Self.key, number: number, from: start, subtracting: true)
                #expect(sum.elements == base.elements)
            }
        }
    }

    @Test("short ranges equal the specification's at every start in two groups of blocks", arguments: generators)
    func shortRanges(kernels: any Kernels) {
        let words = plain.expand(Self.key, number: 3, from: 0, shape: [512]).elements
        for start in 0..<130 {
            for count in [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65] {
                let made = kernels.expand(Self.key, number: 3, from: start, shape: [count]).elements
                #expect(made == Array(words[start..<start + count]), "\(count) words from \(start)")
            }
        }
    }

    @Test("ranges that several threads make equal the specification's", arguments: generators)
    func manyWords(kernels: any Kernels) {
        let count = 100_003
        for start in [0, 77] {
            let expected = plain.expand(Self.key, number: 5, from: start, shape: [count])
            #expect(
                kernels.expand(Self.key, number: 5, from: start, shape: [count]).elements == expected.elements,
                "from \(start)"
            )
        }
    }

    @Test("bits equal the specification's; tails are zero", arguments: generators)
    func bits(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB175)
        for count in counts {
            for (start, planes) in [(0, 1), (3, 2), (1, 5)] {
                let expected = plain.expandBits(Self.key, number: 7, fromPlane: start, planes: planes, count: count)
                let out = kernels.expandBits(Self.key, number: 7, fromPlane: start, planes: planes, count: count)
                #expect(out.allWords == expected.allWords)
                let base = numbers.planes(planes, count: count)
                var sum = base
                kernels.accumulateBitExpansion(&sum, Self.key, number: 7, fromPlane: start)
                #expect(sum.allWords == plain.xor(base, expected).allWords)
            }
        }
    }

    @Test("differences, written piece by piece, are what is left of tensors and planes", arguments: [1, 2, 3])
    func differences(keys count: Int) {
        let keys = (0..<count).map { ExpansionKey(low: UInt64($0), high: 0xD1FF) }
        var numbers = SeededNumbers(0xD1)
        for kernels in generators + [plain] {
            for (elements, planes) in [(1, 1), (65, 3), (128, 2), (1000, 5)] {
                let (secret, bits) = (numbers.tensor([elements]), numbers.planes(planes, count: elements))
                var (tensor, left) = (secret, bits)
                for key in keys {
                    plain.accumulateExpansion(&tensor, key, number: 9, from: 0, subtracting: true)
                    plain.accumulateBitExpansion(&left, key, number: 9, fromPlane: 0)
                }
                func pieces(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) -> [UInt64] {
                    var out = RingTensor(zeros: [count])
                    out.withMutableWords { out in
                        for (from, to) in [(0, count / 3), (count / 3, count / 3), (count / 3, count)] {
                            write(from..<to, out + from)
                        }
                    }
                    return out.elements
                }
                let words = pieces(elements) {
                    kernels.writeDifference(of: secret, keys, number: 9, words: $0, to: $1)
                }
                #expect(words == tensor.elements, "\(elements) words, \(kernels.name)")
                let planar = pieces(planes * bits.wordsPerPlane) {
                    kernels.writeDifference(of: bits, keys, number: 9, words: $0, to: $1)
                }
                #expect(planar == left.allWords, "\(planes) planes of \(elements), \(kernels.name)")
            }
        }
    }

    @Test("pieces of a range equal the whole", arguments: backends.indices)
    func pieces(backend: Int) {
        let kernels = Self.backends[backend]
        let whole = kernels.expand(Self.key, number: 9, from: 5, shape: [777]).elements
        var pieces: [UInt64] = []
        for (from, to) in [(0, 1), (1, 2), (2, 130), (130, 131), (131, 600), (600, 777)] {
            pieces += kernels.expand(Self.key, number: 9, from: 5 + from, shape: [to - from]).elements
        }
        #expect(pieces == whole)
        let planes = kernels.expandBits(Self.key, number: 9, fromPlane: 2, planes: 6, count: 100)
        for plane in 0..<6 {
            let one = kernels.expandBits(Self.key, number: 9, fromPlane: 2 + plane, planes: 1, count: 100)
            #expect(one.allWords == planes[plane].allWords)
        }
    }

    @Test("keys, streams and positions give different words")
    func distinct() {
        let kernels = natives[0]
        let base = kernels.expand(Self.key, number: 0, from: 0, shape: [64]).elements
        let other = ExpansionKey(low: Self.key.low ^ 1, high: Self.key.high)
        let words =
            base + kernels.expand(Self.key, number: 1, from: 0, shape: [64]).elements
            + kernels.expand(Self.key, number: 0, from: 64, shape: [64]).elements
            + kernels.expand(other, number: 0, from: 0, shape: [64]).elements
        #expect(Set(words).count == 256)
    }
}
