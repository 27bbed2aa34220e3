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

        struct Together: Decodable {
            var shapes: [[Int]]
            var crypten_shapes: [[[Int]]]
            var padded_shapes: [[Int]]?
        }

        var cases: [Case]
        var refused: [Case]
        var together: [Together]

        static func read() throws -> File {
            let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: "clients/vectors/padding.json")
            return try JSONDecoder().decode(File.self, from: try Data(contentsOf: file))
        }
    }

    @Test("is that of the vectors")
    func vectors() throws {
        let vectors = try File.read()
        #expect(vectors.cases.count >= 5)
        for vector in vectors.cases {
            let target = try #require(
                try Padding.shapes(for: [vector.shape], among: [vector.crypten_shapes], inputs: ["x"]).first
            )
            #expect(target == vector.padded_shape)
            let words = try #require(vector.data).map(UInt64.init(bitPattern:))
            let pad = UInt64(bitPattern: try #require(vector.crypten_pad))
            let padded = Padding.padded(words, vector.shape, to: target, pad: pad)
            #expect(padded.map(Int64.init(bitPattern:)) == vector.padded_data)
        }
        for vector in vectors.refused {
            #expect(throws: CrypTenError.self, "\(vector.shape)") {
                try Padding.shapes(for: [vector.shape], among: [vector.crypten_shapes], inputs: ["x"])
            }
        }
    }

    @Test("shapes of several inputs belong together by their place")
    func together() throws {
        let vectors = try File.read().together
        #expect(vectors.contains { $0.padded_shapes == nil } && vectors.contains { $0.shapes.count == 3 })
        for vector in vectors {
            let choose = {
                try Padding.shapes(
                    for: vector.shapes,
                    among: vector.crypten_shapes,
                    inputs: vector.shapes.indices.map { "x\($0)" }
                )
            }
            if let expected = vector.padded_shapes {
                #expect(try choose() == expected)
            } else {
                #expect(throws: CrypTenError.self, "\(vector.shapes)") { try choose() }
            }
        }
    }
}
