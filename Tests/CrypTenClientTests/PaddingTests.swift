import CrypTenBase
import CrypTenClient
import Foundation
import Testing

@Suite("Padding")
struct PaddingTests {
    private struct File: Decodable {
        struct Case: Decodable {
            var shape: [Int]
            var crypten_shapes: [[Int]]
            var crypten_pad: Int64?
            var data: [Int64]?
            var padded_shape: [Int]?
            var padded_data: [Int64]?
        }

        var cases: [Case]
        var refused: [Case]
    }

    @Test("is that of the vectors")
    func vectors() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "clients/vectors/padding.json")
        let vectors = try JSONDecoder().decode(File.self, from: try Data(contentsOf: file))
        #expect(vectors.cases.count >= 5)
        for vector in vectors.cases {
            let target = try Padding.shape(for: vector.shape, among: vector.crypten_shapes, input: "x")
            #expect(target == vector.padded_shape)
            let words = try #require(vector.data).map(UInt64.init(bitPattern:))
            let pad = UInt64(bitPattern: try #require(vector.crypten_pad))
            let padded = Padding.padded(words, vector.shape, to: target, pad: pad)
            #expect(padded.map(Int64.init(bitPattern:)) == vector.padded_data)
        }
        for vector in vectors.refused {
            #expect(throws: CrypTenError.self, "\(vector.shape)") {
                try Padding.shape(for: vector.shape, among: vector.crypten_shapes, input: "x")
            }
        }
    }
}
