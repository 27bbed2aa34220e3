import CrypTenBase
import CrypTenSharing
import Testing

@Suite("Numbers as words")
struct FixedPointTests {
    private struct File: Decodable {
        struct Real: Decodable {
            var fraction_bits: Int
            var bits: String
            var word: Word?
            var number: Double { Double(bitPattern: UInt64(bits, radix: 16)!) }
        }

        struct Whole: Decodable {
            var value: String
            var word: Word
        }

        struct Boolean: Decodable {
            var value: Bool
            var word: Word
        }

        var reals: [Real]
        var refused: [Real]
        var whole: [Whole]
        var booleans: [Boolean]
        var decoded: [Real]
    }

    @Test("are those of the vectors, both ways")
    func vectors() throws {
        let file = try Vectors.read(File.self, "numbers.json")
        #expect(file.reals.count > 100)
        for real in file.reals {
            let words = try FixedPointWords.encode(
                [real.number],
                fractionBits: real.fraction_bits,
                range: nil,
                input: "x"
            )
            #expect(words == [try #require(real.word).value], "\(real.number) with \(real.fraction_bits) bits")
        }
        for real in file.refused {
            #expect(throws: CrypTenError.self, "\(real.number) with \(real.fraction_bits) bits") {
                try FixedPointWords.encode([real.number], fractionBits: real.fraction_bits, range: nil, input: "x")
            }
        }
        for whole in file.whole {
            let value = try #require(Int64(whole.value))
            #expect(try FixedPointWords.encode([value], range: nil, input: "x") == [whole.word.value])
            #expect(FixedPointWords.decodeIntegers([whole.word.value]) == [value])
        }
        for boolean in file.booleans {
            #expect(FixedPointWords.encode([boolean.value]) == [boolean.word.value])
            #expect(try FixedPointWords.decodeBooleans([boolean.word.value], output: "y") == [boolean.value])
        }
        for real in file.decoded {
            let word = try #require(real.word).value
            let value = FixedPointWords.decodeReals([word], fractionBits: real.fraction_bits)[0]
            #expect(value.bitPattern == real.number.bitPattern, "\(word) with \(real.fraction_bits) bits")
        }
    }

    @Test("what is refused is named by its index and never by its value")
    func refusals() throws {
        let refused = { (values: [Double], bits: Int, range: ClosedRange<Double>?) throws -> String in
            let error = try #require(throws: CrypTenError.self) {
                try FixedPointWords.encode(values, fractionBits: bits, range: range, input: "image")
            }
            #expect(error.code == .outOfRange)
            return error.message
        }
        let outside = try refused([0, 1, 1.234_567, .nan], 16, 0...1)
        #expect(outside.hasPrefix("element 2 of input \"image\" lies outside of 0.0 to 1.0"))
        #expect(!outside.contains("1.23"))
        #expect(try refused([.infinity], 16, nil).hasPrefix("element 0 of input \"image\" isn't finite"))
        #expect(try refused([0x1p47], 16, nil).hasPrefix("element 0 of input \"image\" is too large"))
        #expect(try FixedPointWords.encode([-0x1p47], fractionBits: 16, range: nil, input: "x") == [1 << 63])
        #expect(throws: CrypTenError.self) { try FixedPointWords.decodeBooleans([0, 2], output: "y") }
    }

    @Test("the range of whole numbers is exact where doubles aren't")
    func wholeRange() throws {
        let most = Double(1 << 53)
        #expect(try FixedPointWords.encode([1 << 53], range: 0...most, input: "x") == [1 << 53])
        #expect(throws: CrypTenError.self) {
            try FixedPointWords.encode([(1 << 53) + 1], range: 0...most, input: "x")
        }
        let widest = -0x1p63...0x1p63
        #expect(try FixedPointWords.encode([.min, .max], range: widest, input: "x") == [1 << 63, (1 << 63) - 1])
        #expect(throws: CrypTenError.self) { try FixedPointWords.encode([0], range: 0.25...0.75, input: "x") }
        #expect(throws: CrypTenError.self) { try FixedPointWords.encode([1], range: -0.5...0.5, input: "x") }
        #expect(try FixedPointWords.encode([0], range: -0.5...0.5, input: "x") == [0])
    }
}
