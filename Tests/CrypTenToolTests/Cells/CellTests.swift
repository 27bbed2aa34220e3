import CrypTen
import CrypTenBase
import CrypTenClient
import CrypTenService
import CrypTenSharing
import Foundation
import Testing

@Suite("Cells of processes, and clients at their doors")
struct CellTests {
    /// Some of the demonstration's images, and what the network says of them in the clear.
    private static func questions(_ rows: Int) async throws -> (x: ClientTensor, y: [Double]) {
        var state: UInt64 = 0x5EED
        let pixels = (0..<rows * 64).map { _ -> Double in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 60) / 16
        }
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let x = try ClientTensor(shape: [rows, 1, 8, 8], doubles: pixels)
        try Tensor(pixels, shape: Shape(x.shape)).write(toNumpyFile: URL(fileURLWithPath: folder.path("x.npy")))
        let run = try await Tool.run([
            "infer", "--local", "2", "--model", TestCell.model, "--input", "x=" + folder.path("x.npy"), "--output-dir",
            folder.path("out"),
            "--fraction-bits", "24",
        ])
        #expect(run.code == 0, "\(run.stderr)")
        return (x, try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder.path("out/logits.npy"))).doubles)
    }

    private static func isClose(_ tensor: ClientTensor?, _ expected: [Double]) -> Bool {
        guard let values = tensor?.doubles, values.count == expected.count else { return false }
        return zip(values, expected).allSatisfy { abs($0 - $1) < 5e-3 }
    }

    private static func code(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch {
            return ((error as? CrypTenError)?.cause as? CellRefusal)?.code ?? "\(error)"
        }
    }

    /// A request as a client's own code would never write it.
    ///
    /// - Parameters:
    ///   - words: What the inputs are to be, all parties' together.
    ///   - changed: At one party.
    private static func parts(
        _ cell: TestCell,
        epoch: Epoch,
        id: RequestID = .random(),
        words: [UInt64],
        rows: Int = 1,
        binary: Bool = false
    ) throws -> [Data] {
        let seeds = (0..<cell.settings.parties - 1).map { _ in
            var generator = SystemRandomNumberGenerator()
            return ShareSeed.random(using: &generator)
        }
        let expansions = seeds.enumerated().map { ShareExpansion($1, id: id, model: "digits", party: $0) }
        let rest = try ShareSum.lastPart(of: words, input: "x", expansions)
        let input = InferenceRequest.Input(name: "x", shape: [rows, 1, 8, 8])
        return try (seeds.map { InferenceRequest.Part.seed($0) } + [.words([rest])]).map { part in
            try InferenceRequest(id: id, epoch: epoch, inputs: [input], part: part, wantsBinary: binary).encoded(
                binary: false
            ).bytes
        }
    }

    private static func epoch(_ cell: TestCell) async throws -> Epoch {
        let reply = try await cell.ask("/v2/models/digits", party: 0)
        let metadata = try JSONDecoder().decode(ModelMetadata.self, from: Data(reply.body.utf8))
        return try #require(metadata.epoch)
    }

    private static let infer = "/v2/models/digits/infer"

    /// Sends parts to parties at once, and says what each answered.
    private static func send(
        _ cell: TestCell,
        _ parts: [Data?],
        as client: [String] = []
    ) async throws -> [TestCell.Reply?] {
        try await withThrowingTaskGroup(of: (Int, TestCell.Reply).self) { group in
            for (party, part) in parts.enumerated() {
                guard let part else { continue }
                let name = client.isEmpty ? "app" : client[party]
                group.addTask { (party, try await cell.ask(infer, party: party, as: name, method: "POST", body: part)) }
            }
            var replies = [TestCell.Reply?](repeating: nil, count: parts.count)
            for try await (party, reply) in group { replies[party] = reply }
            return replies
        }
    }

    /// What the parties' replies add up to, in words.
    private static func sum(_ replies: [TestCell.Reply?]) throws -> [UInt64] {
        let read = try replies.map {
            try InferenceReply(EncodedBody(bytes: Data(($0?.body ?? "").utf8), headerLength: nil))
        }
        #expect(Set(read.map(\.tag)).count == 1)
        return try ShareSum.total(of: read.map { $0.outputs[0].words })
    }

    @Test(
        "a client gets the network's answer, row by row and many at once, with prepared runs and without",
        arguments: [2, 3]
    )
    func answers(parties: Int) async throws {
        let (x, y) = try await Self.questions(11)
        let cell = try TestCell(TestCell.Settings(parties: parties))
        try cell.start()
        try await cell.ready()
        let client = try cell.client()
        #expect(Self.isClose(try await client.infer("digits", ["x": x])["logits"], y))
        for row in 0..<4 {
            let one = try ClientTensor(
                shape: [1, 1, 8, 8],
                doubles: Array((x.doubles ?? [])[row * 64..<(row + 1) * 64])
            )
            #expect(
                Self.isClose(
                    try await client.infer("digits", ["x": one])["logits"],
                    Array(y[row * 10..<(row + 1) * 10])
                )
            )
        }
        await client.close()
        let metrics = try await TestCell.get("\(cell.status(0))/metrics").body
        #expect(metrics.contains("crypten_requests_total{code=\"ok\",model=\"digits\"} 6"))
        #expect(try await cell.stop().values.allSatisfy { $0 == 0 })
    }

    @Test("whatever words come, the network sees what is clamped to its range; nobody else's rows change")
    func hostileWords() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        let epoch = try await Self.epoch(cell)
        func logits(_ words: [UInt64], rows: Int = 1) async throws -> [Double] {
            let replies = try await Self.send(cell, Self.parts(cell, epoch: epoch, words: words, rows: rows).map { $0 })
            return try Self.sum(replies).map { Double(Int64(bitPattern: $0)) / 65_536 }
        }
        let full = try await logits([UInt64](repeating: 1 << 16, count: 64))
        let empty = try await logits([UInt64](repeating: 0, count: 64))
        func isClose(_ a: [Double], _ b: [Double]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 5e-3 } }
        for high in [1 << 17, 1 << 40, 1 << 62, (1 << 63) - 1] as [UInt64] {
            #expect(isClose(try await logits([UInt64](repeating: high, count: 64)), full), "\(high)")
            #expect(isClose(try await logits([UInt64](repeating: 0 &- high, count: 64)), empty), "-\(high)")
        }
        #expect(isClose(try await logits([UInt64](repeating: 1 << 63, count: 64)), empty))
        // A row of 2^63 beside a usual one.
        let both = try await logits(
            [UInt64](repeating: 1 << 63, count: 64) + [UInt64](repeating: 1 << 16, count: 64),
            rows: 2
        )
        #expect(isClose(Array(both[..<10]), empty) && isClose(Array(both[10...]), full))
        try await cell.stop()
    }

    @Test("a request that isn't the same at all parties runs nowhere, and another that is, does")
    func forms() async throws {
        let cell = try TestCell(TestCell.Settings(parties: 3))
        try cell.start()
        try await cell.ready()
        let epoch = try await Self.epoch(cell)
        let words = [UInt64](repeating: 1 << 15, count: 64)
        // To two of three parties.
        let parts = try Self.parts(cell, epoch: epoch, words: words)
        let start = ContinuousClock.now
        #expect(
            try await Self.send(cell, [parts[0], nil, parts[2]]).map { $0?.code } == ["incomplete", nil, "incomplete"]
        )
        #expect(ContinuousClock.now - start < .seconds(10))
        // The same id again, at a party that has had it, and at one that hasn't.
        #expect(
            try await Self.send(cell, parts.map { $0 }).map { $0?.code } == ["duplicate", "incomplete", "duplicate"]
        )
        // One id, one party with other rows.
        let id = RequestID.random()
        let (one, two) = try (
            Self.parts(cell, epoch: epoch, id: id, words: words),
            Self.parts(cell, epoch: epoch, id: id, words: words + words, rows: 2)
        )
        #expect(
            try await Self.send(cell, [one[0], two[1], one[2]]).map { $0?.code } == [
                "mismatch", "mismatch", "mismatch",
            ]
        )
        // An epoch that never was.
        let old = try Self.parts(cell, epoch: .random(), words: words)
        #expect(try await Self.send(cell, old.map { $0 }).map { $0?.code } == ["epoch", "epoch", "epoch"])
        // A seed where words belong, and words where a seed belongs.
        let other = try Self.parts(cell, epoch: epoch, words: words)
        #expect(
            try await Self.send(cell, [other[2], nil, other[0]]).map { $0?.code } == ["malformed", nil, "malformed"]
        )
        // And one that is whole.
        let whole = try await Self.send(cell, Self.parts(cell, epoch: epoch, words: words).map { $0 })
        #expect(whole.map { $0?.status } == [200, 200, 200])
        #expect(try Self.sum(whole).count == 10)
        try await cell.stop()
    }

    @Test("a second client can't have its share joined with another's by naming its id")
    func joined() async throws {
        let key = ClientTokens.Key()
        var settings = TestCell.Settings()
        settings.tokenKey = key.publicPEM
        let cell = try TestCell(settings)
        try cell.start()
        try await cell.ready()
        let epoch = try await Self.epoch(cell)
        let parts = try Self.parts(cell, epoch: epoch, words: [UInt64](repeating: 1 << 15, count: 64))
        let token = try await key.token(client: "other", cell: "test", party: "p1")
        async let victim = cell.ask(Self.infer, party: 0, method: "POST", body: parts[0])
        async let thief = cell.ask(
            Self.infer,
            party: 1,
            as: nil,
            method: "POST",
            headers: [("Authorization", "Bearer \(token)")],
            body: parts[1]
        )
        #expect(try await [victim.code, thief.code] == ["incomplete", "incomplete"])
        try await cell.stop()
    }

    @Test("who isn't known, or may not, gets a sentence at each party; a token is for one party alone")
    func refused() async throws {
        let key = ClientTokens.Key()
        var settings = TestCell.Settings()
        settings.tokenKey = key.publicPEM
        settings.allowance = "{rows_per_day: 6}"
        settings.origins = "[https://app.example]"
        let cell = try TestCell(settings)
        try cell.start()
        try await cell.ready()
        #expect(try await cell.ask("/v2/health/live", party: 0, as: nil).status == 200)
        #expect(try await cell.ask("/v2/health/ready", party: 1, as: nil).status == 200)
        #expect(try await cell.ask("/v2", party: 0, as: nil).code == "unauthorized")
        #expect(try await cell.ask("/v2/models/digits", party: 0, as: "stranger").code == "unauthorized")
        #expect(try await cell.ask("/v2/models/faces", party: 0).code == "forbidden")
        #expect(try await cell.ask("/v2/models/digits/versions/0", party: 0).code == "not_found")
        #expect(try await cell.ask("/v2/nothing", party: 0).code == "not_found")
        #expect(try await cell.ask("/v2/models/digits/ready", party: 0).status == 200)
        // Tokens: p0's is p0's.
        let token = try await key.token(client: "other", cell: "test", party: "p0")
        let bearer = [("Authorization", "Bearer \(token)")]
        #expect(try await cell.ask("/v2/models/digits", party: 0, as: nil, headers: bearer).status == 200)
        #expect(try await cell.ask("/v2/models/digits", party: 1, as: nil, headers: bearer).code == "unauthorized")
        let unsigned = "eyJhbGciOiJub25lIn0." + token.split(separator: ".")[1] + "."
        #expect(
            try await cell.ask("/v2", party: 0, as: nil, headers: [("Authorization", "Bearer \(unsigned)")]).code
                == "unauthorized"
        )
        // A plain question is no question here.
        let plain = Data(#"{"inputs": [{"name": "x", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0.5]}]}"#.utf8)
        #expect(try await cell.ask(Self.infer, party: 0, method: "POST", body: plain).code == "needs_shares")
        #expect(try await cell.ask(Self.infer, party: 0, method: "POST", body: Data("{".utf8)).code == "malformed")
        // Pages of other origins aren't let in, and that of the cluster file is, by name.
        let preflight = [("Access-Control-Request-Method", "POST")]
        let foreign = try await cell.ask(
            Self.infer,
            party: 0,
            as: nil,
            method: "OPTIONS",
            headers: preflight + [("Origin", "https://evil.example")]
        )
        #expect(foreign.status == 403 && foreign.headers["access-control-allow-origin"] == nil)
        let own = try await cell.ask(
            Self.infer,
            party: 0,
            as: nil,
            method: "OPTIONS",
            headers: preflight + [("Origin", "https://app.example")]
        )
        #expect(own.status == 204 && own.headers["access-control-allow-origin"] == "https://app.example")
        // What another page asks isn't done, and what is refused can be read by the page that may ask.
        let elsewhere = [("Origin", "https://evil.example")]
        let ridden = try await cell.ask("/v2/models/digits", party: 0, headers: elsewhere)
        #expect(ridden.code == "forbidden" && ridden.headers["access-control-allow-origin"] == nil)
        let read = try await cell.ask("/v2/models/faces", party: 0, headers: [("Origin", "https://app.example")])
        #expect(read.code == "forbidden" && read.headers["access-control-allow-origin"] == "https://app.example")
        // Rows of the day: six, and no seventh, whatever becomes of the party; what was asked in vain counts, too.
        let client = try cell.client()
        let row = try ClientTensor(shape: [1, 1, 8, 8], doubles: [Double](repeating: 0.5, count: 64))
        for _ in 0..<2 { _ = try await client.infer("digits", ["x": row]) }
        cell.signal(SIGKILL, "p0")
        try await Task.sleep(for: .milliseconds(300))
        try cell.start(["p0"])
        try await cell.ready()
        var answers = 2
        var code: String?
        while code == nil, answers < 20 {
            code = await Self.code { _ = try await client.infer("digits", ["x": row]) }
            if code == nil { answers += 1 }
        }
        #expect(code == "budget" && (3...6).contains(answers), "\(answers) answers, \(code ?? "")")
        await client.close()
        try await cell.stop()
    }

    @Test("what is revoked ends within a second of SIGHUP; a file that can't be read changes nothing")
    func reloaded() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        try "cell: [".write(toFile: cell.folder.path("cell.yaml"), atomically: true, encoding: .utf8)
        cell.signal(SIGHUP, "p0")
        try await Task.sleep(for: .milliseconds(500))
        #expect(try cell.log("p0").contains("nothing was changed"))
        #expect(try await cell.ask("/v2/models/digits", party: 0).status == 200)
        // A client's certificate.
        try cell.writeFile(revoked: [cell.fingerprint("app")])
        cell.signal(SIGHUP, "p0")
        try await Task.sleep(for: .seconds(1))
        #expect(try await cell.ask("/v2/models/digits", party: 0).code == "unauthorized")
        #expect(try await cell.ask("/v2/models/digits", party: 1).status == 200)
        // A member's: the session with it ends.
        try cell.writeFile(revoked: [cell.fingerprint("p1")])
        cell.signal(SIGHUP, "p0")
        try await Task.sleep(for: .seconds(1))
        #expect(try await cell.ask("/v2/health/ready", party: 0).status == 503)
        #expect(try await cell.ask("/v2/models/digits", party: 0).code == "restarting")
        // And comes again where it isn't revoked any more... after a new start, as a revocation is for good.
        try cell.writeFile()
        cell.signal(SIGTERM, "p0")
        try await Task.sleep(for: .seconds(1))
        try cell.start(["p0"])
        try await cell.ready()
        try await cell.stop()
    }

    @Test("what requests may take is what the file says now, without a request being lost")
    func limited() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        let epoch = try await Self.epoch(cell)
        func codes(rows: Int) async throws -> [String?] {
            let words = [UInt64](repeating: 1 << 15, count: 64 * rows)
            return try await Self.send(cell, Self.parts(cell, epoch: epoch, words: words, rows: rows).map { $0 })
                .map { $0?.code }
        }
        #expect(try await codes(rows: 8) == [nil, nil])
        try cell.writeFile { $0.replacingOccurrences(of: "limits: {", with: "limits: {request_bytes: 2KiB, ") }
        cell.signal(SIGHUP, "p1")
        try await Task.sleep(for: .milliseconds(500))
        // The last party gets words: eight rows of them are too many there now, and one is not.
        #expect(try await codes(rows: 8) == ["incomplete", "too_large"])
        #expect(try await codes(rows: 1) == [nil, nil])
        try cell.writeFile()
        cell.signal(SIGHUP, "p1")
        try await Task.sleep(for: .milliseconds(500))
        #expect(try await codes(rows: 8) == [nil, nil])
        try await cell.stop()
    }

    @Test("an identity is changed, the old one revoked, and the dealer moved, and no request is lost meanwhile")
    func moved() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        var options = CellClient.Options()
        options.retries = 8
        let client = try cell.client(options)
        let row = try ClientTensor(shape: [1, 1, 8, 8], doubles: [Double](repeating: 0.5, count: 64))
        let before = try await client.infer("digits", ["x": row])["logits"]?.doubles ?? []
        let end = ContinuousClock.now + .seconds(9)
        // Three that ask all the while.
        async let asked = withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<3 {
                group.addTask { [client, row, before] in
                    var count = 0
                    while ContinuousClock.now < end {
                        let answer = try await client.infer("digits", ["x": row])["logits"]?.doubles ?? []
                        #expect(zip(answer, before).allSatisfy { abs($0 - $1) < 5e-3 } && answer.count == 10)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        var moves = TestCell.Moves()
        moves.hasNext = true
        try cell.change(moves)
        try await Task.sleep(for: .seconds(1))
        #expect(!(try cell.log("p0").contains("nothing was changed")))
        moves.revoked = [try cell.fingerprint("p0")]
        try cell.change(moves)
        try await Task.sleep(for: .seconds(1))
        try await cell.ready()
        #expect(try cell.log("p1").contains(try cell.fingerprint("next")))
        let old = cell.release("dealer")
        moves.hasMoved = true
        try cell.change(moves)
        try cell.start(["dealer"])
        try await Task.sleep(for: .milliseconds(500))
        if let old { kill(old.process.processIdentifier, SIGTERM) }
        try await Task.sleep(for: .seconds(1))
        try await cell.ready()
        try await Task.sleep(for: .seconds(1))
        #expect(try await asked > 20)
        #expect(try cell.log("dealer").contains("as party 0"))
        await client.close()
        _ = try await old?.finish()
        try await cell.stop()
    }

    @Test(
        "what a party sends back says nothing of the input: equal sizes, equal words around, and shares that are uniform"
    )
    func replies() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        let epoch = try await Self.epoch(cell)
        var sizes: Set<Int> = []
        var heads: Set<String> = []
        var counts = [[Double]](repeating: [Double](repeating: 0, count: 256), count: 4)
        for (input, word) in [0, 1 << 16].enumerated() as EnumeratedSequence<[UInt64]> {
            for _ in 0..<24 {
                let parts = try Self.parts(
                    cell,
                    epoch: epoch,
                    words: [UInt64](repeating: word, count: 64),
                    binary: true
                )
                let replies = try await Self.send(cell, parts.map { $0 })
                for (party, reply) in replies.enumerated() {
                    let bytes = try #require(reply?.bytes)
                    sizes.insert(bytes.count)
                    let length = try #require(reply?.headers["inference-header-content-length"].flatMap { Int($0) })
                    var head = try #require(JSONSerialization.jsonObject(with: bytes.prefix(length)) as? [String: Any])
                    (head["id"], head["parameters"]) = (nil, nil)
                    heads.insert(
                        String(
                            decoding: try JSONSerialization.data(withJSONObject: head, options: .sortedKeys),
                            as: UTF8.self
                        )
                    )
                    for byte in bytes.dropFirst(length) { counts[2 * input + party][Int(byte)] += 1 }
                }
            }
        }
        #expect(sizes.count == 1 && heads.count == 1, "\(sizes) \(heads)")
        for counts in counts {
            // 24 answers of 80 bytes: with 255 degrees of freedom beyond 420 once in 10^9.
            let expected = 24.0 * 80 / 256
            #expect(counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected } < 420)
        }
        try await cell.stop()
    }

    @Test("a model whose file was replaced is served anew, and no request is lost meanwhile")
    func replaced() async throws {
        let cell = try TestCell()
        try cell.start()
        try await cell.ready()
        let client = try cell.client()
        let row = try ClientTensor(shape: [1, 1, 8, 8], doubles: [Double](repeating: 0.5, count: 64))
        let before = try await client.infer("digits", ["x": row])["logits"]?.doubles ?? []
        for round in 0..<3 {
            async let answers = (0..<20).asyncMap { _ in
                try await client.infer("digits", ["x": row])["logits"]?.doubles ?? []
            }
            try cell.replaceModel()
            cell.signal(SIGHUP, "p1")
            for answer in try await answers {
                #expect(zip(answer, before).allSatisfy { abs($0 - $1) < 5e-3 }, "\(round)")
            }
        }
        let loaded = try cell.log("p0").components(separatedBy: "is loaded").count - 1
        #expect(loaded >= 2)
        await client.close()
        try await cell.stop()
    }
}

extension Sequence where Element: Sendable, Self: Sendable {
    fileprivate func asyncMap<Result: Sendable>(
        _ body: @Sendable (Element) async throws -> Result
    ) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
