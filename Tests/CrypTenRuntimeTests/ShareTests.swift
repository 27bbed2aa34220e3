import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import NIOConcurrencyHelpers
import Testing

@Suite("Shares of kept values, out of one session and into another")
struct ShareTests {
    private static let numbers = Tensor([0.5, -1.25, 3, 0, 1024.75, -0.0078125], shape: [2, 3])

    /// Kept values of every form: a masked input, a masked one of a declared range, a share, one with more fraction bits, and integers.
    private static func values(_ session: Session) async throws -> [(name: String, tensor: CrypTensor)] {
        let x = try await session.input(from: .party(1)) { numbers }
        let small = try await session.input(from: .party(0), range: -0.5...0.5) { Tensor([0.3, -0.1], shape: [2]) }
        let count = try await session.input(from: .party(0)) { Tensor([7, -9] as [Int64], shape: [2]) }
        let held = try await session.hold([x, small, count])
        let share = try await session.evaluate([held[0] * held[0]])[0]
        let fine = try await session.evaluate([held[0] * 0.37], fractionBits: 24).kept[0]
        return [("x", held[0]), ("small", held[1]), ("count", held[2]), ("square", share), ("fine", fine)]
    }

    /// What all parties have of a program: each one's shares, and what was revealed.
    private static func saved(
        _ parties: Int
    ) async throws -> (shares: [[KeptShare]], revealed: [Tensor]) {
        let told = try await withLocalParties(parties) { session -> ([KeptShare], [Tensor]) in
            let values = try await values(session)
            let shares = try await session.shares(of: values)
            let revealed = try #require(try await session.reveal(values.map(\.tensor), to: .all))
            return (shares, revealed)
        }
        return (told.map(\.0), told[0].1)
    }

    @Test("the parties' shares add up to the encoding, at the value's own scale", arguments: [2, 3])
    func sums(parties: Int) async throws {
        let (shares, revealed) = try await Self.saved(parties)
        #expect(shares[0].map(\.name) == ["x", "small", "count", "square", "fine"])
        #expect(shares[0].map(\.isMasked) == [true, true, true, false, false])
        #expect(shares[0].map(\.kind) == [.real, .real, .integer, .real, .real])
        #expect(shares[0][4].scale == 24 && shares[0][0].scale == 16 && shares[0][2].scale == 0)
        #expect(shares[0][1].range == ValueRange(-0.5, 0.5))
        for index in revealed.indices {
            #expect(Set(shares.map { $0[index].form }).count == 1)
            let sum = revealed[index].doubles.indices.map { element in
                shares.reduce(0 as UInt64) { $0 &+ $1[index].words.elements[element] }
            }
            let words = RingTensor(sum, shape: revealed[index].shape)
            #expect(FixedPoint.decode(words, scale: shares[0][index].scale) == revealed[index].doubles)
        }
    }

    @Test(
        "values of another session's shares are the same to the last bit, and cost what is stated",
        arguments: [2, 3]
    )
    func restored(parties: Int) async throws {
        let (shares, revealed) = try await Self.saved(parties)
        let mine = NIOLockedValueBox(shares)
        let told = try await withLocalParties(parties) { session -> [Tensor] in
            let own = mine.withLockedValue { $0[session.party.index] }
            let before = try await session.statistics
            let plain = try await session.restore(Array(own[3...]))
            let first = try await session.statistics - before
            #expect(first.setupBytes == 0 && first.dealerBytes == 0 && first.onlineBytes == 0 && first.rounds == 0)
            let masked = try await session.restore(Array(own[..<3]))
            let second = try await session.statistics - before
            // Ten elements of three tensors, to each other party, and the frames around them.
            #expect(second.setupBytes >= 80 * (parties - 1) && second.setupBytes < 80 * (parties - 1) + 200 * parties)
            #expect(second.onlineBytes == 0 && second.dealerBytes == 0 && second.rounds == 0)
            // They are operands like others: of a product, a sum, a comparison; and are released.
            let tensors = masked + plain
            let answers = try #require(try await session.reveal(tensors, to: .all))
            let used = try #require(
                try await session.reveal(
                    [
                        tensors[0] * tensors[3], tensors[4] + tensors[0], (tensors[3] .< tensors[0]).toInteger(),
                        tensors[2] * 3,
                    ],
                    to: .all
                )
            )
            try await session.release(tensors)
            return answers + used
        }
        for answers in told {
            #expect(Array(answers.prefix(5)) == revealed)
            let (x, square) = (revealed[0].doubles, revealed[3].doubles)
            for element in x.indices {
                #expect(abs(answers[5].doubles[element] - x[element] * square[element]) < 0.02)
                #expect(abs(answers[6].doubles[element] - (revealed[4].doubles[element] + x[element])) < 0x1p-15)
                #expect(answers[7].doubles[element] == (square[element] < x[element] ? 1 : 0))
            }
            #expect(answers[8].doubles == [21, -27])
        }
    }

    @Test("what was kept masked is kept masked again, and its products cost what they cost before")
    func form() async throws {
        let (shares, _) = try await Self.saved(2)
        let rounds = try await withLocalParties(2) { session -> [Int] in
            let own = shares[session.party.index]
            let restored = try await session.restore(own)
            let masked = try await session.cost(of: restored[0] * 0.5 * restored[0])
            let held = try await session.hold([try await session.input(from: .party(1)) { Self.numbers }])[0]
            return [masked.rounds, try await session.cost(of: held * 0.5 * held).rounds]
        }
        for pair in rounds { #expect(pair[0] == pair[1]) }
    }

    @Test("shares of other values refuse each other by name, and the session lives")
    func different() async throws {
        let (shares, revealed) = try await Self.saved(2)
        let changes: [(what: String, change: @Sendable (inout [KeptShare]) -> Void)] = [
            ("'y'", { $0[0].name = "y" }), ("17 fraction bits", { $0[0].scale = 17 }),
            ("shape [6]", { $0[0].words = $0[0].words.reshaped(to: [6]) }), ("integer", { $0[0].kind = .integer }),
            ("within", { $0[0].range = ValueRange(-1, 1) }), ("a share", { $0[0].isMasked = false }),
            ("nothing there", { $0.removeLast() }),
        ]
        _ = try await withLocalParties(2) { session in
            let own = shares[session.party.index]
            for (what, change) in changes {
                var other = own
                if session.party.index == 1 { change(&other) }
                let offered = other
                let error = await #expect(throws: CrypTenError.self) { try await session.restore(offered) }
                #expect(error?.code == .diverged)
                #expect(error?.message.contains(what) == true, "\(error?.message ?? "")")
            }
            let answers = try await session.reveal(try await session.restore(own), to: .all)
            #expect(answers == revealed)
        }
    }

    @Test("what isn't kept, was released, or is made of bits, has no shares")
    func refused() async throws {
        _ = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), name: "x") { Self.numbers }
            let kept = try await session.evaluate([x .< 1.0, x * x])
            let input = await #expect(throws: CrypTenError.self) { try await session.shares(of: [("weights", x)]) }
            #expect(input?.code == .invalidArgument && input?.message.contains("'weights'") == true)
            let bits = await #expect(throws: CrypTenError.self) { try await session.shares(of: [("b", kept[0])]) }
            #expect(bits?.message.contains("bits") == true)
            try await session.release([kept[1]])
            await #expect(throws: CrypTenError.self) { try await session.shares(of: [("gone", kept[1])]) }
            #expect(try await session.restore([]).isEmpty)
        }
    }

    @Test("a share shows nothing of itself in print")
    func secrecy() async throws {
        let share = KeptShare(name: "w", kind: .real, scale: 16, words: RingTensor([123_456_789], shape: [1]))
        var text = ""
        dump(share, to: &text)
        #expect(!"\(share) \(String(reflecting: share)) \(text)".contains("123456789"))
    }

    @Test("a checked session follows what was restored", arguments: [2, 3])
    func checked(parties: Int) async throws {
        let (shares, revealed) = try await Self.saved(parties)
        let told = try await withInsecureCheckedParties(parties) { session -> Tensor? in
            let tensors = try await session.restore(shares[session.party.index])
            let large = await #expect(throws: CrypTenError.self) {
                try await session.reveal(tensors[0] * 4_000_000.0 * tensors[3] * 16.0, to: .all)
            }
            #expect(large?.code == .outOfRange)
            let report = try await session.check(tensors[4] + tensors[0])
            #expect(report.violations.isEmpty && report.operations.count > 0)
            return try await session.reveal(tensors[3], to: .all)
        }
        for answer in told { #expect(answer == revealed[3]) }
    }

    @Test("parties tell each other bytes, or that they have none, and all hear of it")
    func tellEachOther() async throws {
        struct Broken: Error {}
        _ = try await withLocalParties(3) { session in
            let party = session.party.index
            let told = try await session.tellEachOther(.success([UInt8](repeating: 7, count: party)), refusing: .input)
            #expect(told == [[], [7], [7, 7]])
            let own: Result<[UInt8], any Error> = party == 1 ? .failure(Broken()) : .success([])
            do {
                _ = try await session.tellEachOther(own, refusing: .malformedFile)
                Issue.record("nobody has refused")
            } catch let error as CrypTenError {
                #expect(party != 1 && error.code == .partyFailed)
                #expect(error.message.contains("party 1") && error.message.contains("a file isn't what it should be"))
            } catch {
                #expect(party == 1 && error is Broken)
            }
            try await session.agree(on: [("a", "1"), ("b", "2")], in: "a list")
        }
    }
}
