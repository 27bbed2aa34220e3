import CrypTenSharing
import Foundation
import Testing

@Suite("Requests")
struct RequestTests {
    private static let id = "000102030405060708090a0b0c0d0e0f"
    private static let epoch = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    private static let seed = String(repeating: "5a", count: 32)

    /// A request's JSON, some of it replaced.
    private static func json(
        id: String? = "\"\(id)\"",
        parameters: String = "\"crypten_sharing\": 1, \"crypten_epoch\": \"\(epoch)\"",
        inputs: String = #"{"name": "x", "shape": [2, 1], "datatype": "UINT64", "data": [1, 2]}"#,
        rest: String = ""
    ) -> String {
        "{" + (id.map { "\"id\": \($0), " } ?? "") + "\"parameters\": {\(parameters)}, \"inputs\": [\(inputs)]\(rest)}"
    }

    private static func read(
        _ json: String,
        binary: [UInt8]? = nil,
        limits: WireLimits = WireLimits()
    ) throws -> InferenceRequest {
        let json = Data(json.utf8)
        return try InferenceRequest(
            EncodedBody(bytes: json + (binary ?? []), headerLength: binary == nil ? nil : json.count),
            limits
        )
    }

    private static func code(_ body: () throws -> Void) -> DoorRefusal.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DoorRefusal)?.code
        }
    }

    @Test("words of 64 bits are exact in JSON")
    func exact() throws {
        let words: [UInt64] = [.max, .max - 1, 1 << 63, (1 << 63) + 1, (1 << 53) + 1, 9_007_199_254_740_993, 0, 1]
        let inputs =
            #"{"name": "x", "shape": [1, 8], "datatype": "UINT64", "data": [\#(words.map(String.init).joined(separator: ","))]}"#
        #expect(try RequestTests.read(RequestTests.json(inputs: inputs)).part == .words([words]))
    }

    @Test("are read as they were written, in both forms")
    func roundTrip() throws {
        let inputs = [
            InferenceRequest.Input(name: "größe", shape: [2, 3]), InferenceRequest.Input(name: "b/\"c\"", shape: [2]),
        ]
        let parts: [InferenceRequest.Part] = [
            .seed(try #require(ShareSeed(hexadecimal: RequestTests.seed))),
            .words([[0, 1, .max, 1 << 63, 5, 6], [(1 << 53) + 1, 8]]),
        ]
        for part in parts {
            for outputs in [nil, ["scores", "y"]] {
                let request = InferenceRequest(
                    id: try #require(RequestID(RequestTests.id)),
                    epoch: try #require(Epoch(RequestTests.epoch)),
                    inputs: inputs,
                    part: part,
                    outputs: outputs,
                    wantsBinary: outputs == nil
                )
                for binary in [false, true] {
                    let body = try request.encoded(binary: binary)
                    #expect(try InferenceRequest(body) == request)
                    #expect(try request.encoded(binary: binary) == body)
                    if case .seed = part {
                        #expect(body.headerLength == nil)
                    } else {
                        #expect((body.headerLength != nil) == binary)
                    }
                }
            }
        }
    }

    @Test("rows are the first axis")
    func rows() throws {
        #expect(try RequestTests.read(RequestTests.json()).rows == 2)
    }

    @Test(
        "what isn't split into shares is told so",
        arguments: [
            json(inputs: #"{"name": "x", "shape": [1], "datatype": "FP32", "data": [0.5]}"#),
            json(inputs: #"{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["abc"]}"#),
            // An ordinary client of the protocol: it knows no parameters at all, and its data are nested.
            #"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [[0.5, 1]]}]}"#,
            #"{"inputs": [{"name": "x", "shape": [1], "datatype": "UINT64", "data": [5]}]}"#,
            json(parameters: ""),
        ]
    )
    func plain(json: String) {
        #expect(RequestTests.code { _ = try RequestTests.read(json) } == .needsShares)
    }

    @Test("another version is told so")
    func version() {
        let json = RequestTests.json(parameters: "\"crypten_sharing\": 2, \"crypten_epoch\": \"\(RequestTests.epoch)\"")
        #expect(RequestTests.code { _ = try RequestTests.read(json) } == .sharingVersion)
    }

    private static let notRequests: [String] = [
        "", "{", "[]", "null", "{}", "{\"inputs\": null}", "\u{0}", "{\"inputs\": []}",
        String(repeating: "[", count: 100_000),
        json(id: nil), json(id: "5"), json(id: "\"xyz\""), json(id: "\"\(id)0\""),
        json(parameters: "\"crypten_sharing\": 1"),
        json(parameters: "\"crypten_sharing\": 1, \"crypten_epoch\": \"1\""),
        json(parameters: "\"crypten_sharing\": \"1\", \"crypten_epoch\": \"\(epoch)\""),
        json(inputs: ""),
        json(inputs: "5"),
        json(inputs: #"{"name": "", "shape": [1], "datatype": "UINT64", "data": [1]}"#),
        json(
            inputs:
                #"{"name": "\#(String(repeating: "n", count: 257))", "shape": [1], "datatype": "UINT64", "data": [1]}"#
        ),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "FOO", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [], "datatype": "UINT64", "data": []}"#),
        json(inputs: #"{"name": "x", "shape": [0], "datatype": "UINT64", "data": []}"#),
        json(inputs: #"{"name": "x", "shape": [-1], "datatype": "UINT64", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [1, -1], "datatype": "UINT64", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [1.5], "datatype": "UINT64", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [1,1,1,1,1,1,1,1,1], "datatype": "UINT64", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [2], "datatype": "UINT64", "data": [1]}"#),
        json(inputs: #"{"name": "x", "shape": [2], "datatype": "UINT64", "data": [1, 2, 3]}"#),
        json(inputs: #"{"name": "x", "shape": [2], "datatype": "UINT64", "data": [[1, 2]]}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [-1]}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [0.5]}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [18446744073709551616]}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": ["1"]}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64"}"#),
        json(inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64", "parameters": {"binary_data_size": 8}}"#),
        json(
            inputs:
                #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [1]}, {"name": "x", "shape": [1], "datatype": "UINT64", "data": [1]}"#
        ),
        json(
            inputs:
                #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [1]}, {"name": "y", "shape": [2], "datatype": "UINT64", "data": [1, 1]}"#
        ),
        json(
            inputs:
                #"{"name": "x", "shape": [1], "datatype": "UINT64", "data": [1]}, {"name": "y", "shape": [1], "datatype": "UINT64"}"#
        ),
        json(parameters: "\"crypten_sharing\": 1, \"crypten_epoch\": \"\(epoch)\", \"crypten_seed\": \"\(seed)\""),
        json(
            parameters: "\"crypten_sharing\": 1, \"crypten_epoch\": \"\(epoch)\", \"crypten_seed\": \"5a\"",
            inputs: #"{"name": "x", "shape": [1], "datatype": "UINT64"}"#
        ),
        json(rest: ", \"outputs\": []"), json(rest: ", \"outputs\": [{}]"),
        json(rest: ", \"outputs\": [{\"name\": \"\"}]"),
        json(rest: ", \"outputs\": [{\"name\": \"y\"}, {\"name\": \"y\"}]"), json(rest: ", \"outputs\": 5"),
    ]

    @Test("what isn't one is malformed, and the sentence repeats nothing of it", arguments: notRequests)
    func refused(json: String) throws {
        let refusal = try #require(throws: DoorRefusal.self) { _ = try RequestTests.read(json) }
        #expect(refusal.code == .malformed, "\(refusal.message)")
        for secret in [RequestTests.seed, "5a5a", "18446744073709551616", "0.5"] {
            #expect(!refusal.message.contains(secret))
        }
    }

    @Test("binary words are as many as announced, and no byte more")
    func binary() throws {
        let input = { (size: Int) in
            #"{"name": "x", "shape": [2], "datatype": "UINT64", "parameters": {"binary_data_size": \#(size)}}"#
        }
        let words = [UInt8](0..<16)
        let read = try RequestTests.read(RequestTests.json(inputs: input(16)), binary: words)
        #expect(read.part == .words([[0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908]]))
        for (size, bytes) in [(8, 16), (16, 15), (16, 17), (16, 0), (17, 17), (-16, 16), (.max, 16)] {
            let code = RequestTests.code {
                _ = try RequestTests.read(
                    RequestTests.json(inputs: input(size)),
                    binary: [UInt8](repeating: 0, count: bytes)
                )
            }
            #expect(code == .malformed, "\(size) bytes announced, \(bytes) sent")
        }
        // Words in both forms at once, one of an input each.
        let both = #"{"name": "y", "shape": [2], "datatype": "UINT64", "data": [7, 8]}, "# + input(16)
        #expect(
            try RequestTests.read(RequestTests.json(inputs: both), binary: words).part
                == .words([[7, 8], [0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908]])
        )
        let json = Data(RequestTests.json().utf8)
        for length in [-1, json.count + 1, .max, .min, 0, json.count - 1] {
            let code = RequestTests.code {
                _ = try InferenceRequest(EncodedBody(bytes: json, headerLength: length))
            }
            #expect(code == .malformed, "a header of \(length)")
        }
    }

    @Test("what is too large is refused before anything is made of it")
    func large() {
        var limits = WireLimits()
        (limits.mostRows, limits.mostWords, limits.mostTensors) = (32, 100, 2)
        let seed =
            "\"crypten_sharing\": 1, \"crypten_epoch\": \"\(RequestTests.epoch)\", \"crypten_seed\": \"\(RequestTests.seed)\""
        let input = { (name: String, shape: String) in
            "{\"name\": \"\(name)\", \"shape\": \(shape), \"datatype\": \"UINT64\"}"
        }
        let cases = [
            input("x", "[33]"), input("x", "[32, 4]"), input("x", "[1, 9223372036854775807]"),
            input("x", "[1, 4611686018427387904, 4611686018427387904, 16]"), input("x", "[9223372036854775807]"),
            input("x", "[1, 60]") + "," + input("y", "[1, 60]"),
            [input("x", "[1]"), input("y", "[1]"), input("z", "[1]")].joined(separator: ","),
        ]
        for inputs in cases {
            let json = RequestTests.json(parameters: seed, inputs: inputs)
            #expect(RequestTests.code { _ = try RequestTests.read(json, limits: limits) } == .tooLarge, "\(inputs)")
        }
        limits.mostJSONBytes = 10
        #expect(RequestTests.code { _ = try RequestTests.read(RequestTests.json(), limits: limits) } == .tooLarge)
    }

    @Test("damaged ones end in a request or a refusal")
    func damaged() throws {
        var generator = SplitMix(seed: 0x5EED)
        let request = InferenceRequest(
            id: .random(),
            epoch: .random(),
            inputs: [InferenceRequest.Input(name: "x", shape: [1, 3]), InferenceRequest.Input(name: "y", shape: [1])],
            part: .words([[1, 2, 3], [.max]]),
            outputs: ["z"]
        )
        var refused = 0
        for binary in [false, true] {
            let body = try request.encoded(binary: binary)
            for _ in 0..<3000 {
                var damaged = body
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let index = Int.random(in: 0..<damaged.bytes.count, using: &generator)
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: damaged.bytes[index] = UInt8.random(in: 0...255, using: &generator)
                    case 1: damaged.bytes.remove(at: index)
                    default: damaged.bytes.insert(UInt8.random(in: 32...126, using: &generator), at: index)
                    }
                }
                do {
                    let read = try InferenceRequest(damaged)
                    if case .words(let words) = read.part { #expect(words.map(\.count) == read.inputs.map(\.count)) }
                } catch {
                    #expect(error is DoorRefusal)
                    refused += 1
                }
            }
        }
        #expect(refused > 3000)
    }
}

/// A generator with a seed, so that a failure is repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64, of Steele, Lea and Flood.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
