import CrypTenBase
import CrypTenSharing
import Foundation
import Testing

@Suite("One question, and its answer")
struct ExchangeTests {
    private struct File: Decodable {
        struct Tensor: Decodable {
            var name: String
            var fraction_bits: Int
            var shape: [Int]
        }

        struct Request: Decodable {
            var party: Int
            var shares: [[Word]]
        }

        struct Reply: Decodable {
            var party: Int
            var words: [[Word]]
        }

        struct Input: Decodable {
            var name: String
            var shape: [Int]
            var words: [Word]
        }

        var parties: Int
        var model: String
        var version: String
        var id: String
        var epoch: String
        var seeds: [String]
        var binding: String
        var tag: String
        var inputs: [Input]
        var requests: [Request]
        var replies: [Reply]
        var outputs: [Tensor]
    }

    private static let names = ["exchange-2.json", "exchange-3.json"]

    /// A JSON object with its values compared, whatever the order of keys.
    private static func isSame(_ left: Any, _ right: Any) -> Bool {
        (left as? NSDictionary) == (right as? NSDictionary)
    }

    private static func body(_ object: [String: Any], tail: String? = nil) throws -> EncodedBody {
        let json = try JSONSerialization.data(withJSONObject: object)
        return EncodedBody(bytes: json + (tail.map(bytes) ?? []), headerLength: tail == nil ? nil : json.count)
    }

    @Test("the client's shares and requests are those of the vectors, in both forms", arguments: names)
    func requests(name: String) throws {
        let file = try Vectors.read(File.self, name)
        let raw = try #require(try Vectors.object(name)["requests"] as? [[String: Any]])
        let id = try #require(RequestID(file.id))
        let expansions = try file.seeds.enumerated().map { party, seed in
            ShareExpansion(try #require(ShareSeed(hexadecimal: seed)), id: id, model: file.model, party: party)
        }
        for (request, raw) in zip(file.requests, raw) {
            let shares = try file.inputs.map { input in
                let words = input.words.map(\.value)
                return request.party < expansions.count
                    ? try expansions[request.party].words(of: input.name, count: words.count)
                    : try ShareSum.lastPart(of: words, input: input.name, expansions)
            }
            #expect(shares == request.shares.map { $0.map(\.value) })
            let object = try #require(raw["json"] as? [String: Any])
            let outputs = (object["outputs"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            let expected = InferenceRequest(
                id: id,
                epoch: try #require(Epoch(file.epoch)),
                inputs: file.inputs.map { InferenceRequest.Input(name: $0.name, shape: $0.shape) },
                part: request.party < expansions.count
                    ? .seed(try #require(ShareSeed(hexadecimal: file.seeds[request.party]))) : .words(shares),
                outputs: outputs
            )
            #expect(try InferenceRequest(ExchangeTests.body(object)) == expected)
            let written = try JSONSerialization.jsonObject(with: expected.encoded(binary: false).bytes)
            #expect(ExchangeTests.isSame(written, object))
            if let binary = raw["binary_json"] as? [String: Any], let tail = raw["binary_tail"] as? String {
                #expect(try InferenceRequest(ExchangeTests.body(binary, tail: tail)) == expected)
                let body = try expected.encoded(binary: true)
                let length = try #require(body.headerLength)
                #expect(ExchangeTests.isSame(try JSONSerialization.jsonObject(with: body.bytes.prefix(length)), binary))
                #expect(Array(body.bytes.dropFirst(length)) == bytes(tail))
            }
        }
    }

    @Test("the parties' answers are those of the vectors, in both forms, and add up", arguments: names)
    func replies(name: String) throws {
        let file = try Vectors.read(File.self, name)
        let raw = try #require(try Vectors.object(name)["replies"] as? [[String: Any]])
        let id = try #require(RequestID(file.id))
        let tag = ReplyTag(epoch: try #require(Epoch(file.epoch)), binding: bytes(file.binding), id: id)
        #expect(tag == ReplyTag(file.tag))
        var replies: [InferenceReply] = []
        for (reply, raw) in zip(file.replies, raw) {
            let object = try #require(raw["json"] as? [String: Any])
            let read = try InferenceReply(ExchangeTests.body(object))
            #expect((read.model, read.version, read.id, read.tag) == (file.model, file.version, id, tag))
            #expect(read.outputs.map(\.words) == reply.words.map { $0.map(\.value) })
            let written = try JSONSerialization.jsonObject(with: read.encoded(binary: false).bytes)
            #expect(ExchangeTests.isSame(written, object))
            let binary = try #require(raw["binary_json"] as? [String: Any])
            let tail = try #require(raw["binary_tail"] as? String)
            #expect(try InferenceReply(ExchangeTests.body(binary, tail: tail)) == read)
            let body = try read.encoded(binary: true)
            #expect(Array(body.bytes.suffix(bytes(tail).count)) == bytes(tail))
            #expect(try InferenceReply(body) == read)
            replies.append(read)
        }
        let outputs = try #require(try Vectors.object(name)["outputs"] as? [[String: Any]])
        for (index, output) in outputs.enumerated() {
            let words = try ShareSum.total(of: replies.map { $0.outputs[index].words })
            let (type, bits) = (replies[0].outputs[index].type, replies[0].outputs[index].fractionBits)
            #expect(output["type"] as? String == type.rawValue)
            switch type {
            case .fp32, .fp64:
                #expect(FixedPointWords.decodeReals(words, fractionBits: bits) == output["values"] as? [Double])
            case .int64:
                #expect(FixedPointWords.decodeIntegers(words).map(String.init) == output["values"] as? [String])
            case .bool:
                #expect(try FixedPointWords.decodeBooleans(words, output: "y") == output["values"] as? [Bool])
            }
        }
    }

    @Test("metadata are read as they were written; all parties agree but for who they are", arguments: names)
    func metadata(name: String) throws {
        let objects = try #require(try Vectors.object(name)["metadata"] as? [[String: Any]])
        let all = try objects.map { try ModelMetadata(body: try JSONSerialization.data(withJSONObject: $0)) }
        for (metadata, object) in zip(all, objects) {
            #expect(ExchangeTests.isSame(try JSONSerialization.jsonObject(with: metadata.body), object))
            #expect(all[0].agrees(with: metadata))
        }
        #expect(all.map(\.parameters.party) == Array(0..<all.count))
        var other = all[0]
        other.parameters.rows += 1
        #expect(!all[0].agrees(with: other))
        other = all[0]
        other.parameters.rowCounts = [1]
        #expect(!all[0].agrees(with: other))
        other = all[0]
        other.inputs[0].parameters.pad = 1
        #expect(!all[0].agrees(with: other))
    }

    @Test("metadata that can't be are refused")
    func hostileMetadata() throws {
        let object = try #require((try Vectors.object("exchange-2.json")["metadata"] as? [[String: Any]])?.first)
        let good = try ModelMetadata(body: try JSONSerialization.data(withJSONObject: object))
        let code = { (change: (inout ModelMetadata) -> Void) throws -> CrypTenError.Code? in
            var changed = good
            change(&changed)
            let body = try changed.body
            do {
                _ = try ModelMetadata(body: body)
                return nil
            } catch {
                return (error as? CrypTenError)?.code
            }
        }
        #expect(try code { _ in } == nil)
        #expect(try code { $0.parameters.sharing = SharingVersion(rawValue: 2) } == .diverged)
        #expect(try code { $0.parameters.epoch = "1" } == .malformedFrame)
        #expect(try code { $0.parameters.party = 2 } == .malformedFrame)
        #expect(try code { $0.parameters.parties = 1 << 40 } == .malformedFrame)
        #expect(try code { $0.parameters.rows = 0 } == .malformedFrame)
        for counts in [[], [0], [good.parameters.rows + 1]] {
            #expect(try code { $0.parameters.rowCounts = counts } == .malformedFrame)
        }
        #expect(try code { $0.parameters.rowCounts = [1, good.parameters.rows] } == nil)
        #expect(try code { $0.versions = [] } == .malformedFrame)
        #expect(try code { $0.inputs = [] } == .malformedFrame)
        #expect(try code { $0.inputs[0].name = $0.inputs[1].name } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.fractionBits = 63 } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.range = [1, 0] } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.range = [1] } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.shapes = [] } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.shapes = [[-1, 2], [-1, 3]] } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.shapes = [[1, 2]] } == .malformedFrame)
        #expect(try code { $0.inputs[0].parameters.shapes = [[-1, -1]] } == .malformedFrame)
        #expect(throws: CrypTenError.self) { try ModelMetadata(body: Data("{}".utf8)) }
        #expect(throws: CrypTenError.self) { try ModelMetadata(body: Data(repeating: 32, count: 2 << 20)) }
    }

    @Test("answers that can't be are refused, and never end otherwise")
    func hostileReplies() throws {
        let object = try #require(
            (try Vectors.object("exchange-2.json")["replies"] as? [[String: Any]])?.first?["json"]
        )
        let good = try InferenceReply(ExchangeTests.body(try #require(object as? [String: Any])))
        var generator = SplitMix(seed: 0xBAD)
        let body = try good.encoded(binary: true)
        for _ in 0..<2000 {
            var damaged = body
            let index = Int.random(in: 0..<(body.headerLength ?? 0), using: &generator)
            damaged.bytes[index] = UInt8.random(in: 0...255, using: &generator)
            do {
                _ = try InferenceReply(damaged)
            } catch {
                #expect((error as? CrypTenError)?.code == .malformedFrame)
            }
        }
        for outputs in [[], Array(repeating: good.outputs[0], count: 2)] {
            var reply = good
            reply.outputs = outputs
            #expect(throws: CrypTenError.self) { try InferenceReply(reply.encoded(binary: false)) }
        }
    }
}
