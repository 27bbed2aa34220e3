import CrypTenSharing
import Crypto
import Foundation
import Testing

@Suite("Shares of a seed")
struct ShareExpansionTests {
    private struct File: Decodable {
        struct Case: Decodable {
            var seed: String
            var id: String
            var model: String
            var input: String
            var party: Int
            var count: Int
            var words: [Word]?
            var first: [Word]?
            var last: [Word]?
            var sha256: String
        }

        var cases: [Case]
    }

    @Test("are those of the vectors, word by word")
    func vectors() throws {
        let cases = try Vectors.read(File.self, "shares.json").cases
        #expect(cases.count >= 10)
        for vector in cases {
            let expansion = ShareExpansion(
                try #require(ShareSeed(hexadecimal: vector.seed)),
                id: try #require(RequestID(vector.id)),
                model: vector.model,
                party: vector.party
            )
            let words = try expansion.words(of: vector.input, count: vector.count)
            #expect(words.count == vector.count)
            if let expected = vector.words { #expect(words == expected.map(\.value)) }
            if let first = vector.first { #expect(Array(words.prefix(2)) == first.map(\.value)) }
            if let last = vector.last { #expect(Array(words.suffix(2)) == last.map(\.value)) }
            var littleEndian = Data()
            LittleEndianWords.append(words, to: &littleEndian)
            #expect(Hexadecimal.encode(SHA256.hash(data: littleEndian)) == vector.sha256)
        }
    }

    @Test("go on over the pieces in which they are made: fewer words are the beginning of more")
    func pieces() throws {
        let expansion = ShareExpansion(
            try #require(ShareSeed(bytes: Array(0..<32))),
            id: try #require(RequestID("000102030405060708090a0b0c0d0e0f")),
            model: "m",
            party: 1
        )
        let piece = 1 << 16
        let all = try expansion.words(of: "x", count: 3 * piece + 5)
        for count in [0, 1, 7, 8, 9, piece - 1, piece, piece + 1, 2 * piece + 3] {
            #expect(try expansion.words(of: "x", count: count) == Array(all.prefix(count)))
        }
        #expect(Set(all).count == all.count, "no word of 196,613 comes twice, but with a probability below 2^-29")
        #expect(throws: (any Error).self) { try expansion.words(of: "x", count: -1) }
        #expect(throws: (any Error).self) { try expansion.words(of: "x", count: ShareExpansion.mostWords + 1) }
    }

    @Test("differ where seed, id, model, input or party does, and where a name ends elsewhere")
    func binding() throws {
        let (a, b) = (try #require(ShareSeed(bytes: Array(0..<32))), try #require(ShareSeed(bytes: Array(1...32))))
        let (first, second) = (RequestID.random(), RequestID.random())
        let words = try [
            ShareExpansion(a, id: first, model: "model", party: 0).words(of: "input", count: 4),
            ShareExpansion(b, id: first, model: "model", party: 0).words(of: "input", count: 4),
            ShareExpansion(a, id: second, model: "model", party: 0).words(of: "input", count: 4),
            ShareExpansion(a, id: first, model: "mode", party: 0).words(of: "linput", count: 4),
            ShareExpansion(a, id: first, model: "model", party: 1).words(of: "input", count: 4),
            ShareExpansion(a, id: first, model: "model", party: 0).words(of: "inpuu", count: 4),
        ]
        #expect(Set(words.flatMap { $0 }).count == 24)
    }

    @Test("and the last party's part add up to the input", arguments: [2, 3, 5])
    func sum(parties: Int) throws {
        let words: [UInt64] = [0, 1, .max, 1 << 63, 0x0123_4567_89ab_cdef]
        let id = RequestID.random()
        var generator = SystemRandomNumberGenerator()
        let expansions = (0..<parties - 1).map {
            ShareExpansion(ShareSeed.random(using: &generator), id: id, model: "m", party: $0)
        }
        let last = try ShareSum.lastPart(of: words, input: "x", expansions)
        let parts = try expansions.map { try $0.words(of: "x", count: words.count) } + [last]
        #expect(try ShareSum.total(of: parts) == words)
        #expect(throws: (any Error).self) { try ShareSum.total(of: parts.dropLast() + [[1]]) }
        #expect(throws: (any Error).self) { try ShareSum.total(of: []) }
    }

    @Test("no way of printing a seed shows its bytes")
    func secrecy() throws {
        let seed = try #require(ShareSeed(bytes: [UInt8](repeating: 0xAB, count: 32)))
        var dumped = ""
        dump(seed, to: &dumped)
        for text in ["\(seed)", String(reflecting: seed), dumped, "\([seed])", "\(InferenceRequest.Part.seed(seed))"] {
            #expect(!text.lowercased().contains("ab") && !text.contains("171"), "\(text)")
        }
    }
}
