import CrypTenBase
import CrypTenClient
import CrypTenSharing
import Foundation
import Testing

@Suite("A client and its cell")
struct CellClientTests {
    /// The code of what is thrown.
    private static func failure(_ body: () async throws -> Void) async -> CrypTenError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? CrypTenError
        }
    }

    @Test("answers are exact, and rows beyond the most are asked in parts", arguments: [2, 3, 5], [1, 4, 5, 11])
    func answers(parties: Int, rows: Int) async throws {
        let cell = try await FakeCell(parties: parties)
        let client = try cell.client()
        let question = try FakeQuestion(rows: rows)
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        let parts = (rows + FakeCell.mostRows - 1) / FakeCell.mostRows
        #expect(cell.questions.count == parts * parties)
        #expect(cell.questions.allSatisfy { ($0.parsed?.rows ?? 0) <= FakeCell.mostRows })
        // A second question needs no metadata.
        _ = try await client.infer(FakeCell.model, question.inputs)
        #expect(cell.seen.count { $0.request.method == "GET" } == parties)
        await client.close()
    }

    @Test("ids and seeds are new each time, and no party gets what another one does")
    func fresh() async throws {
        let cell = try await FakeCell(parties: 3)
        let client = try cell.client()
        let question = try FakeQuestion(rows: 1)
        for _ in 0..<5 { _ = try await client.infer(FakeCell.model, question.inputs) }
        let parsed = cell.questions.compactMap { seen in seen.parsed.map { (seen.party, $0) } }
        #expect(parsed.count == 15)
        #expect(Set(parsed.map { $0.1.id }).count == 5)
        let seeds = parsed.compactMap { party, request -> ShareSeed? in
            if case .seed(let seed) = request.part { seed } else { nil }
        }
        #expect(Set(seeds).count == 10)
        let words = parsed.compactMap { party, request -> [[UInt64]]? in
            if case .words(let words) = request.part { words } else { nil }
        }
        #expect(words.count == 5 && Set(words).count == 5)
        for (party, request) in parsed {
            if case .words = request.part { #expect(party == 2) }
            // Padded: the party sees the shape, and not how long the row was.
            #expect(request.inputs[0].shape == [1, 4])
            #expect(request.wantsBinary)
        }
        await client.close()
    }

    @Test("some outputs, and a version, may be asked for")
    func chosen() async throws {
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client()
        let question = try FakeQuestion(rows: 2, width: 8)
        let answer = try await client.infer(
            FakeCell.model,
            question.inputs,
            outputs: ["not", "total"],
            version: "0123456789abcdef"
        )
        #expect(answer == question.outputs.filter { $0.key != "next" })
        #expect(cell.seen.allSatisfy { $0.request.path.hasPrefix(FakeCell.path + "/versions/0123456789abcdef") })
        #expect(cell.questions.allSatisfy { $0.parsed?.inputs[0].shape == [2, 8] })
        await client.close()
    }

    @Test(
        "after what may pass it is asked anew, with new shares",
        arguments: DoorRefusal.Code.allCases.filter(\.mayAskAnew)
    )
    func anew(code: DoorRefusal.Code) async throws {
        let cell = try await FakeCell(parties: 2, faults: FakeCell.Faults(refusals: [1: [code, code]]))
        let client = try cell.client()
        let question = try FakeQuestion(rows: 1)
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        let ofLast = cell.questions.filter { $0.party == 1 }.compactMap(\.parsed)
        #expect(ofLast.count == 3 && Set(ofLast.map(\.id)).count == 3 && Set(ofLast.map(\.part)).count == 3)
        // The first party may not have got its part when the last one refused.
        let ofFirst = cell.questions.filter { $0.party == 0 }.compactMap(\.parsed?.part)
        #expect(!ofFirst.isEmpty && Set(ofFirst).count == ofFirst.count)
        // The metadata are read again, for the epoch may be over.
        #expect(cell.seen.count { $0.request.method == "GET" } == 6)
        await client.close()
    }

    @Test(
        "after what doesn't pass it isn't",
        arguments: DoorRefusal.Code.allCases.filter { !$0.mayAskAnew && $0 != .notFound }
    )
    func final(code: DoorRefusal.Code) async throws {
        let cell = try await FakeCell(parties: 2, faults: FakeCell.Faults(refusals: [0: [code]]))
        let client = try cell.client()
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
        }
        let refusal = try #require(error?.cause as? CellRefusal)
        #expect((refusal.code, refusal.party, refusal.status) == (code.rawValue, "p0", code.status))
        // Whoever prints it says the party's sentence once.
        #expect(error?.description == "party \"p0\" refused: as asked for (\(code.rawValue), HTTP \(code.status))")
        #expect(cell.questions.count { $0.party == 0 } == 1)
        await client.close()
    }

    @Test("a pause that a party names comes before the next attempt")
    func named() async throws {
        var faults = FakeCell.Faults(refusals: [0: [.busy]], retryAfter: 1)
        let cell = try await FakeCell(parties: 2, faults: faults)
        let client = try cell.client()
        let question = try FakeQuestion(rows: 1)
        let begin = ContinuousClock.now
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        #expect(ContinuousClock.now - begin >= .seconds(1))
        // One that is over after the time limit isn't waited for.
        (faults.refusals, faults.retryAfter) = ([0: [.busy]], 60)
        cell.change(faults)
        let again = ContinuousClock.now
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, question.inputs, timeout: .seconds(20))
        }
        #expect((error?.cause as? CellRefusal)?.retryAfter == .seconds(60))
        #expect(ContinuousClock.now - again < .seconds(10))
        await client.close()
    }

    @Test("a model that mixes its rows takes certain numbers of them, and is never asked in parts")
    func rowCounts() async throws {
        let faults = FakeCell.Faults(metadata: { $1.parameters.rowCounts = [1, 4] })
        let cell = try await FakeCell(parties: 2, faults: faults)
        let client = try cell.client()
        for rows in [2, 3, 5, 8] {
            let error = await CellClientTests.failure {
                _ = try await client.infer(FakeCell.model, FakeQuestion(rows: rows).inputs)
            }
            #expect(error?.code == .shapeMismatch)
            #expect(error?.message.hasPrefix("\(rows) rows don't fit model") == true)
        }
        #expect(cell.questions.isEmpty)
        for rows in [1, 4] {
            let question = try FakeQuestion(rows: rows)
            #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        }
        let (question, known) = (try FakeQuestion(rows: 3), try FakeQuestion(rows: 1, first: 5))
        let canaries = Canaries(inputs: known.inputs, outputs: known.outputs, tolerance: 0.001)
        #expect(try await client.infer(FakeCell.model, question.inputs, canaries: canaries) == question.outputs)
        #expect(cell.questions.filter { $0.party == 0 }.compactMap(\.parsed?.rows) == [1, 4, 4])
        let tooMany = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 4).inputs, canaries: canaries)
        }
        #expect(tooMany?.message.hasPrefix("5 rows, canaries included, don't fit model") == true)
        await client.close()
    }

    @Test("the first version is the one that is described and asked")
    func versions() async throws {
        let cell = try await FakeCell(
            parties: 2,
            faults: FakeCell.Faults(metadata: { $1.versions.append("fedcba9876543210") })
        )
        let client = try cell.client()
        let question = try FakeQuestion(rows: 1)
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        #expect(cell.questions.allSatisfy { $0.request.path == FakeCell.path + "/versions/0123456789abcdef/infer" })
        cell.change(FakeCell.Faults(metadata: { $1.versions.insert("fedcba9876543210", at: 0) }))
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, question.inputs, version: "0123456789abcdef")
        }
        #expect(error?.code == .diverged && cell.questions.count == 2)
        await client.close()
    }

    @Test("attempts end after as many as were allowed")
    func exhausted() async throws {
        let cell = try await FakeCell(
            parties: 2,
            faults: FakeCell.Faults(refusals: [0: Array(repeating: .busy, count: 100)])
        )
        let client = try cell.client { $0.retries = 2 }
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
        }
        #expect(error?.code == .sessionBusy)
        #expect(cell.questions.count { $0.party == 0 } == 3)
        await client.close()
    }

    @Test("a session that begins anew between two questions is nothing to the caller; another version is read")
    func restarted() async throws {
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client()
        let question = try FakeQuestion(rows: 1)
        _ = try await client.infer(FakeCell.model, question.inputs)
        cell.restart()
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        cell.restart(version: "fedcba9876543210")
        #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, question.inputs, version: "0123456789abcdef")
        }
        #expect((error?.cause as? CellRefusal)?.code == "not_found")
        await client.close()
    }

    @Test("answers of different runs, and what isn't an answer to this question, aren't put together")
    func tags() async throws {
        let faults: [(CrypTenError.Code, @Sendable (Int, inout InferenceReply) -> Void)] = [
            (.diverged, { if $0 == 1 { $1.tag = ReplyTag(String(repeating: "ab", count: 32))! } }),
            (.diverged, { if $0 == 0 { $1.id = .random() } }),
            (.diverged, { if $0 == 0 { $1.model = "other" } }),
            (.diverged, { if $0 == 0 { $1.version = "0000000000000000" } }),
            (.malformedFrame, { if $0 == 0 { $1.outputs.removeLast() } }),
            (.malformedFrame, { if $0 == 0 { $1.outputs[0].name = "other" } }),
            (.malformedFrame, { if $0 == 0 { $1.outputs[0].fractionBits = 8 } }),
            (.malformedFrame, { if $0 == 0 { $1.outputs[0].type = .int64 } }),
            (.malformedFrame, { if $0 == 0 { $1.outputs[0].shape = [1, 1] } }),
            (.malformedFrame, { if $0 == 1 { $1.outputs[2].words[0] &+= 5 } }),
        ]
        for (index, (code, fault)) in faults.enumerated() {
            let cell = try await FakeCell(parties: 2, faults: FakeCell.Faults(reply: fault))
            let client = try cell.client()
            let error = await CellClientTests.failure {
                _ = try await client.infer(
                    FakeCell.model,
                    FakeQuestion(rows: 1).inputs,
                    outputs: ["total", "next", "not"]
                )
            }
            #expect(error?.code == code, "fault \(index): \(String(describing: error))")
            #expect(cell.questions.count == 2)
            await client.close()
        }
    }

    @Test("damaged bytes of an answer end in an error, and are never an answer")
    func damaged() async throws {
        for (index, change)
            in ([{ $0.removeLast() }, { $0.append(0) }, { $0 = Data() }, { $0[0] = 0x21 }]
            as [@Sendable (inout Data) -> Void]).enumerated()
        {
            let cell = try await FakeCell(
                parties: 2,
                faults: FakeCell.Faults(body: { party, body in if party == 0 { change(&body) } })
            )
            let client = try cell.client()
            let error = await CellClientTests.failure {
                _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
            }
            #expect(error?.code == .malformedFrame, "change \(index): \(String(describing: error))")
            #expect(error?.message.hasPrefix("party \"p0\"") == true)
            await client.close()
        }
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client { $0.mostReplyBytes = 1000 }
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
        }
        #expect(error?.code == .malformedFrame)
        await client.close()
    }

    @Test("where parties tell different things, or are others than they should be, nothing is sent")
    func disagreement() async throws {
        let faults: [@Sendable (Int, inout ModelMetadata) -> Void] = [
            { if $0 == 1 { $1.inputs[0].parameters.fractionBits = 15 } },
            { if $0 == 1 { $1.parameters.epoch = Epoch.random().description } },
            { if $0 == 0 { $1.parameters.rows = 1000 } },
            { $1.parameters.party = 1 - $0 },
            { $1.parameters.partyName = "other" },
            { $1.parameters.cell = "other" },
            { $1.parameters.parties = 3 },
            { $1.name = "other" },
            { $1.parameters.sharing = SharingVersion(rawValue: 2) },
        ]
        for (index, fault) in faults.enumerated() {
            let cell = try await FakeCell(parties: 2, faults: FakeCell.Faults(metadata: fault))
            let client = try cell.client()
            let error = await CellClientTests.failure {
                _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
            }
            // Another epoch is another moment: it is asked again, and in the end the parties can't be met together.
            #expect(error?.code == (index == 1 ? .peerLost : .diverged), "fault \(index): \(String(describing: error))")
            #expect(cell.questions.isEmpty)
            await client.close()
        }
    }

    @Test("what the model doesn't take is refused before anything is sent, and not quoted")
    func refused() async throws {
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client()
        let good = try FakeQuestion(rows: 2).inputs
        let changes: [(String, ClientTensor?, CrypTenError.Code)] = [
            ("x", try ClientTensor(shape: [2, 1], doubles: [1, 4.125]), .outOfRange),
            ("x", try ClientTensor(shape: [2, 1], doubles: [.nan, 1]), .outOfRange),
            ("x", try ClientTensor(shape: [2, 1], integers: [1, 2]), .invalidArgument),
            ("x", try ClientTensor(shape: [2, 9], doubles: [Double](repeating: 0, count: 18)), .shapeMismatch),
            ("x", try ClientTensor(shape: [2], doubles: [1, 2]), .shapeMismatch),
            ("x", try ClientTensor(shape: [2, 1, 1], doubles: [1, 2]), .shapeMismatch),
            ("k", try ClientTensor(shape: [2], doubles: [1, 2]), .invalidArgument),
            ("k", try ClientTensor(shape: [3], integers: [1, 2, 3]), .shapeMismatch),
            ("b", try ClientTensor(shape: [2], integers: [0, 1]), .invalidArgument),
            ("k", nil, .invalidArgument), ("other", try ClientTensor(shape: [2], integers: [0, 1]), .invalidArgument),
        ]
        for (index, (name, tensor, code)) in changes.enumerated() {
            var inputs = good
            inputs[name] = tensor
            let error = await CellClientTests.failure { _ = try await client.infer(FakeCell.model, inputs) }
            #expect(error?.code == code, "change \(index): \(String(describing: error))")
            #expect(error?.description.contains("4.125") == false)
        }
        #expect(cell.questions.isEmpty)
        for (shape, count) in [([2], 3), ([], 1), ([0], 0), ([-1], 1), ([1, .max, 2], 2)] {
            #expect(throws: CrypTenError.self) {
                try ClientTensor(shape: shape, doubles: [Double](repeating: 0, count: count))
            }
        }
        await client.close()
    }

    @Test("canaries look like the others, and find who falsifies all rows", arguments: [nil, 2])
    func canaries(count: Int?) async throws {
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client()
        let question = try FakeQuestion(rows: 6)
        let known = try FakeQuestion(rows: 3, first: 5)
        var canaries = Canaries(inputs: known.inputs, outputs: known.outputs, tolerance: 0.001, count: count)
        #expect(try await client.infer(FakeCell.model, question.inputs, canaries: canaries) == question.outputs)
        #expect(cell.questions.filter { $0.party == 0 }.compactMap { $0.parsed?.rows }.reduce(0, +) == 6 + (count ?? 3))
        cell.change(
            FakeCell.Faults(reply: { party, reply in
                if party == 0 { for row in reply.outputs[0].words.indices { reply.outputs[0].words[row] &+= 1 << 10 } }
            })
        )
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, question.inputs, canaries: canaries)
        }
        #expect(error?.code == .diverged)
        #expect(error?.message.hasPrefix("\(count ?? 3) of \(count ?? 3) canaries") == true)
        // Within the tolerance it isn't seen, and the answers come.
        canaries.tolerance = 0.02
        #expect(
            try await client.infer(FakeCell.model, question.inputs, canaries: canaries)["next"]
                == question.outputs["next"]
        )
        let sent = cell.questions.count
        let unasked = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, question.inputs, outputs: ["next"], canaries: canaries)
        }
        #expect(unasked?.code == .invalidArgument && cell.questions.count == sent)
        canaries.count = 4
        #expect(
            await CellClientTests.failure {
                _ = try await client.infer(FakeCell.model, question.inputs, canaries: canaries)
            }?.code == .invalidArgument
        )
        await client.close()
    }

    @Test("a silent party ends in an error when the time is up, and so does a caller's change of mind")
    func time() async throws {
        let cell = try await FakeCell(parties: 3, faults: FakeCell.Faults(silent: [1]))
        let client = try cell.client()
        let begin = ContinuousClock.now
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs, timeout: .milliseconds(400))
        }
        #expect(error?.code == .timedOut)
        #expect(ContinuousClock.now - begin < .seconds(5))
        let task = Task { try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs) }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        #expect(await CellClientTests.failure { _ = try await task.value }?.code == .cancelled)
        #expect(ContinuousClock.now - begin < .seconds(8))
        await client.close()
    }

    @Test("a party that can't be reached is named")
    func unreachable() async throws {
        let cell = try await FakeCell(parties: 2)
        let parties = [
            try CellParty(name: "p0", url: cell.url(0), insecurePlaintext: true),
            try CellParty(name: "p1", url: "http://127.0.0.1:1", insecurePlaintext: true),
        ]
        var options = CellClient.Options()
        (options.retries, options.pause) = (1, .milliseconds(5))
        let client = try CellClient(try Cell(name: "bank", parties: parties), insecurePlaintext: true, options: options)
        let error = await CellClientTests.failure {
            _ = try await client.infer(FakeCell.model, FakeQuestion(rows: 1).inputs)
        }
        #expect(error?.code == .peerLost)
        #expect(error?.message.hasPrefix("party \"p1\"") == true)
        #expect(cell.questions.isEmpty)
        await client.close()
    }

    @Test("a client that nobody holds any more ends by itself, and one that was closed answers no more")
    func ended() async throws {
        let cell = try await FakeCell(parties: 2)
        let question = try FakeQuestion(rows: 1)
        for _ in 0..<3 {
            #expect(try await cell.client().infer(FakeCell.model, question.inputs) == question.outputs)
        }
        let client = try cell.client { $0.retries = 0 }
        await client.close()
        await client.close()
        #expect(await CellClientTests.failure { _ = try await client.infer(FakeCell.model, question.inputs) } != nil)
    }

    @Test("many questions at once are all answered")
    func concurrent() async throws {
        let cell = try await FakeCell(parties: 2)
        let client = try cell.client()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask {
                    let question = try FakeQuestion(rows: 1 + index % 3, first: Int64(index))
                    #expect(try await client.infer(FakeCell.model, question.inputs) == question.outputs)
                }
            }
            try await group.waitForAll()
        }
        await client.close()
    }
}
