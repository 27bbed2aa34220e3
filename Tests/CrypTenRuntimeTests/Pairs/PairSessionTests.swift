import CrypTenBase
import CrypTenExpressions
import CrypTenIdentity
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers
import Testing
import _CrypTenTestSupport

@Suite("Sessions whose parties make their correlations themselves")
struct PairSessionTests {
    @Test("results are right however the parties are joined, and both learn them", arguments: Wire.allCases)
    func results(wire: Wire) async throws {
        guard wire != .tls else { return try await identified() }
        let members = try await PairedMembers(wire, bulk: 5000)
        let results = try await members.run { try await PairProgram.infer($0) }
        for result in results { #expect(PairProgram.isRight(result), "\(result)") }
    }

    /// Over TLS, and by the calls that programs use.
    private func identified() async throws {
        let identities = try (0..<2).map { try MemberIdentity.create(name: "member-\($0)") }
        var listeners: [SessionListener] = []
        for _ in 0..<2 { listeners.append(try await SessionListener.listen(at: "127.0.0.1:0")) }
        let addresses = listeners.map(\.address)
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for (party, listener) in listeners.enumerated() {
                var configuration = SessionConfiguration()
                configuration.threads = 1
                configuration.correlations = .parties
                configuration.insecureMaker = { party, _ in InsecureMaker(party: party) }
                let other = PeerTrust(fingerprints: [identities[1 - party].certificate.fingerprint])
                configuration.membership = try Membership(
                    identities: [identities[party]],
                    parties: [PartyID(1 - party): other],
                    dealer: nil
                )
                let own = configuration
                group.addTask {
                    let session = try await listener.connect(
                        party: .party(party),
                        parties: addresses,
                        session: "test",
                        configuration: own
                    )
                    let result = try await PairProgram.infer(session)
                    await session.close()
                    return result
                }
            }
            for try await result in group { #expect(PairProgram.isRight(result), "\(result)") }
        }
    }

    @Test(
        "what a run sends online is what it sends with a dealer, in rounds and bytes; what goes beforehand counts apart"
    )
    func costs() async throws {
        let dealt = try await withAuditedParties(2) { session, _ in
            _ = try await PairProgram.infer(session)
            return try await session.statistics
        }.results
        let members = try await PairedMembers(bulk: 100_000)
        let made = try await members.run { session in
            _ = try await PairProgram.infer(session)
            return try await session.statistics
        }
        for party in 0..<2 {
            #expect(made[party].rounds == dealt[party].rounds)
            #expect(made[party].onlineBytes == dealt[party].onlineBytes)
            #expect(made[party].setupBytes == dealt[party].setupBytes)
            #expect(made[party].runs == 2)
            #expect(made[party].dealerBytes == 0)
            let sent = members.transports[party].statistics.sent(.preparation)
            #expect(made[party].offlineBytes == Int(sent.bytes))
            #expect(made[party].offlineBytes > 2 * 800_000)
            #expect(made[party].offlineExchanges == 1 + 2 * 2, "exchange 0, and those of two runs")
            #expect(made[party].transfers > 0)
            #expect(made[party].secondsOffline > 0)
            #expect(dealt[party].offlineBytes == 0 && dealt[party].transfers == 0)
        }
        #expect(dealt[1].dealerBytes > 0)
    }

    @Test(
        "by the protocol itself: results are right, kept values are read again, and online rounds and bytes are those with a dealer"
    )
    func protocolItself() async throws {
        let program: @Sendable (Session) async throws -> (values: [[Double]], spent: SessionStatistics) = { session in
            let w = try await PairProgram.held(session)
            var values: [[Double]] = []
            for turn in 0..<3 {
                if turn == 1 {
                    let coming = try await session.placeholder(from: .party(0), shape: [4, 8])
                    try await session.prepare([PairProgram.network(coming, w)], runs: 2)
                }
                let x = try await session.input(from: .party(0), shape: [4, 8]) {
                    Tensor(PairProgram.images, shape: [4, 8])
                }
                values.append(try await session.reveal(PairProgram.network(x, w), to: .all)?.doubles ?? [])
            }
            return (values, try await session.statistics)
        }
        let dealt = try await withAuditedParties(2) { session, _ in try await program(session) }.results
        let made = try await PairedMembers(.tcp, isInsecure: false).run(program)
        for party in 0..<2 {
            for values in made[party].values { #expect(PairProgram.isRight(values), "\(values)") }
            let (spent, usual) = (made[party].spent, dealt[party].spent)
            #expect(spent.rounds == usual.rounds && spent.onlineBytes == usual.onlineBytes)
            #expect(spent.setupBytes == usual.setupBytes && spent.dealerBytes == 0)
            #expect(spent.transfers > 0 && spent.offlineBytes > 0)
        }
    }

    @Test("every run has keys of its own at either party, and nobody else has them")
    func keys() async throws {
        let members = try await PairedMembers()
        _ = try await members.run { session in
            let w = try await PairProgram.held(session)
            let x = try await session.input(from: .party(0), shape: [4, 8]) {
                Tensor(PairProgram.images, shape: [4, 8])
            }
            for _ in 0..<3 { _ = try await session.reveal(PairProgram.network(x, w), to: .all) }
            try await session.prepare([PairProgram.network(x, w)], runs: 2)
        }
        let words = members.log.keys.joined()
        #expect(members.log.keys.count == 2 * 6)
        #expect(Set(words).count == 12 * 10, "masks, bits of masks, correlations, orders and seeds: no word twice")
    }

    @Test(
        "runs that are prepared, in memory or in a file at each party, send nothing beforehand when they are used",
        arguments: [false, true]
    )
    func prepared(inFile: Bool) async throws {
        let members = try await PairedMembers(.tcp, bulk: 1000)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pair-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        @Sendable func file(_ session: Session) -> URL { folder.appendingPathComponent("party-\(session.party.index)") }
        let results = try await members.run { session -> [[Double]] in
            let w = try await PairProgram.held(session)
            let shape: Shape = [4, 8]
            let coming = try await session.placeholder(from: .party(0), shape: shape)
            try await session.prepare(
                [PairProgram.network(coming, w)],
                runs: 3,
                storage: inFile ? .file(file(session)) : .memory
            )
            let before = try await session.statistics
            #expect(before.preparedRuns == 3)
            #expect(before.secondsPreparing > 0)
            if inFile {
                let text = try Data(contentsOf: file(session))
                #expect(String(decoding: text.prefix(256), as: UTF8.self).components(separatedBy: "unused").count == 4)
            }
            var values: [[Double]] = []
            for _ in 0..<3 {
                let x = try await session.input(from: .party(0), shape: shape) {
                    Tensor(PairProgram.images, shape: shape)
                }
                values.append(try await session.reveal(PairProgram.network(x, w), to: .all)?.doubles ?? [])
            }
            let spent = try await session.statistics - before
            #expect(spent.offlineBytes == 0 && spent.offlineExchanges == 0 && spent.secondsOffline == 0)
            #expect(spent.onlineBytes > 0)
            #expect(try await session.statistics.preparedRuns == 0)
            return values
        }
        for values in results {
            for value in values { #expect(PairProgram.isRight(value), "\(value)") }
        }
        if inFile {
            for party in 0..<2 {
                let text = try Data(contentsOf: folder.appendingPathComponent("party-\(party)"))
                #expect(String(decoding: text, as: UTF8.self).components(separatedBy: "consumed").count == 4)
                #expect(text.count == 256, "only the lines of state are left")
            }
        }
    }

    @Test("a file that can't be made at one party ends preparing at both")
    func unwritable() async throws {
        let members = try await PairedMembers()
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("pair-\(UUID())")
        let results = await members.both { session in
            let w = try await PairProgram.held(session)
            let x = try await session.placeholder(from: .party(0), shape: [4, 8])
            let storage: PreparedStorage =
                session.party.index == 1 ? .file(path.appendingPathComponent("no/folder")) : .memory
            try await session.prepare([PairProgram.network(x, w)], runs: 1, storage: storage)
        }
        #expect(results[1].crypTenError?.code == .fileNotReadable)
        #expect(results[0].crypTenError?.code == .partyFailed)
        await members.close()
        #expect(members.log.liveMasks == 0)
    }

    @Test(
        "masks of kept values are kept, read by rows, given up with the values and with unused runs, and overwritten at the end"
    )
    func kept() async throws {
        let members = try await PairedMembers()
        let log = members.log
        let live = NIOLockedValueBox<[Int]>([])
        let results = await members.both { session -> [Double] in
            let w = try await PairProgram.held(session)
            let rows = try await session.evaluate([w.rows([5, 0, 5]) * 2])[0]
            let sum = try await session.reveal(rows + w.rows([1, 2, 3]), to: .all)
            // Runs that would keep a value, and are given up with the one that they read.
            try await session.prepareEvaluation(of: [rows * rows], runs: 2)
            let kept = try await session.evaluate([rows * rows])[0]
            live.withLockedValue { $0.append(log.liveMasks) }
            let square = try await session.reveal(kept + 0.0, to: .all)
            try await session.release([rows])
            live.withLockedValue { $0.append(log.liveMasks) }
            return (sum?.doubles ?? []) + (square?.doubles ?? [])
        }
        let w = PairProgram.weights
        func row(_ index: Int) -> ArraySlice<Double> { w[index * 5..<index * 5 + 5] }
        let twice = [5, 0, 5].flatMap { row($0).map { $0 * 2 } }
        let expected =
            zip(twice, [1, 2, 3].flatMap { row($0) }).map { $0 + $1 } + twice.map { $0 * $0 }
        for result in results {
            let values = try result.get()
            #expect(values.count == expected.count)
            for (value, expected) in zip(values, expected) { #expect(abs(value - expected) < 1e-3) }
        }
        #expect(log.liveMasks == 2 * 2, "the weight and the square, at either party")
        await members.close()
        #expect(log.liveMasks == 0)
    }

    @Test("training steps, whose weights are replaced by new ones, learn what they learn in the clear")
    func training() async throws {
        let rows = 8
        let data = (0..<rows * 3).map { (index: Int) -> Double in Double((index * 5) % 7 - 3) / 4 }
        let targets = (0..<rows).map { (index: Int) -> Double in Double(index % 3) - 1 }
        let members = try await PairedMembers(.tcp)
        let results = try await members.run { session -> [Double] in
            let x = try await session.hold([
                session.input(from: .party(0), shape: [rows, 3]) { Tensor(data, shape: [rows, 3]) }
            ])[0]
            let y = try await session.hold([
                session.input(from: .party(1), shape: [rows, 1]) { Tensor(targets, shape: [rows, 1]) }
            ])[0]
            var w = try await session.hold([
                session.input(from: .party(1), shape: [3, 1]) { Tensor([0.5, -0.25, 0.125], shape: [3, 1]) }
            ])[0]
            for _ in 0..<4 {
                let gradient = x.permuted(1, 0).matmul(x.matmul(w) - y) * (2 / Double(rows))
                let next = try await session.evaluate([w - gradient * 0.25], fractionBits: 24).kept[0]
                try await session.release([w])
                w = next
            }
            return try await session.reveal(w * 1.0, to: .all)?.doubles ?? []
        }
        var w = [0.5, -0.25, 0.125]
        for _ in 0..<4 {
            let errors = (0..<rows).map { row in (0..<3).reduce(-targets[row]) { $0 + data[row * 3 + $1] * w[$1] } }
            w = (0..<3).map { column in
                w[column] - 0.25 * 2 / Double(rows) * (0..<rows).reduce(0) { $0 + data[$1 * 3 + column] * errors[$1] }
            }
        }
        for result in results {
            #expect(result.count == 3 && zip(result, w).allSatisfy { abs($0 - $1) < 1e-3 }, "\(result) \(w)")
        }
        #expect(members.log.liveMasks == 0)
    }

    @Test("parties that are threads of one program need no dealer either")
    func local() async throws {
        var configuration = SessionConfiguration()
        configuration.correlations = .parties
        configuration.insecureMaker = { party, _ in InsecureMaker(party: party) }
        for result in try await withLocalParties(2, configuration: configuration, { try await PairProgram.infer($0) }) {
            #expect(PairProgram.isRight(result), "\(result)")
        }
    }
}
