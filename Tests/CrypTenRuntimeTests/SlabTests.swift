import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

@Suite("Slabs of a session")
struct SlabTests {
    private static let count = 37_440

    /// What each party gets, and what it has spent.
    private struct Outcome: Sendable, Equatable {
        var results: [[Double]]
        var rounds: Int
        var bytes: Int
        var dealerBytes: Int
    }

    private static func configuration(_ slabBits: Int) -> SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.slabBits = slabBits
        return configuration
    }

    @Test("change no result, round or byte, and a plan knows them", arguments: [2, 3])
    func results(parties: Int) async throws {
        var outcomes: [[Outcome]] = []
        for slabBits in [12, 15, 18] {
            let outcome = try await withLocalParties(parties, configuration: Self.configuration(slabBits)) { session in
                let x = try await session.input(from: .party(0), shape: [Self.count]) {
                    Tensor((0..<Self.count).map { Double($0 % 201 - 100) / 16 }, shape: [Self.count])
                }
                let rows = x.reshape(Self.count / 4, 4)
                let expressions = [
                    relu(x), (x .< 0.5).toReal(), (x .== 2.0).toReal(), rows.max(axis: 1),
                    rows.argmax(axis: 1),
                ]
                let planned = try await session.cost(of: expressions, revealingTo: .all)
                let before = try await session.statistics
                let revealed = try #require(try await session.reveal(expressions, to: .all))
                let after = try await session.statistics
                let bytes = after.onlineBytes - before.onlineBytes
                #expect(bytes == planned.onlineBytes[session.party.index], "the plan predicts the bytes")
                #expect(after.rounds - before.rounds == planned.rounds, "the plan predicts the rounds")
                return Outcome(
                    results: revealed.map(\.doubles),
                    rounds: planned.rounds,
                    bytes: bytes,
                    dealerBytes: planned.dealerBytes
                )
            }
            outcomes.append(outcome)
        }
        #expect(outcomes[0] == outcomes[1] && outcomes[2] == outcomes[1])
        let x = (0..<Self.count).map { Double($0 % 201 - 100) / 16 }
        for outcome in outcomes[0] {
            #expect(outcome.results[0] == x.map { max($0, 0) })
            #expect(outcome.results[1] == x.map { $0 < 0.5 ? 1 : 0 })
            #expect(outcome.results[2] == x.map { $0 == 2 ? 1 : 0 })
            #expect(
                outcome.results[3] == stride(from: 0, to: Self.count, by: 4).map { x[$0..<$0 + 4].max()! }
            )
        }
    }

    @Test("are what a rehearsal plans for", arguments: [12, 18])
    func rehearsal(slabBits: Int) throws {
        let costs = try [15, slabBits].map { bits in
            var rehearsal = try Rehearsal(parties: 3, fractionBits: 16, slabBits: bits)
            #expect(rehearsal.slabBits == bits)
            let x = rehearsal.input(from: .party(0), shape: [1 << 17])
            return try rehearsal.cost(of: [relu(x)])
        }
        #expect(costs[0] == costs[1])
        #expect(try Rehearsal(parties: 3, fractionBits: 16).slabBits == 15)
    }

    @Test("of a size that there isn't are an error at once", arguments: [Int.min, 11, 21, Int.max])
    func impossible(slabBits: Int) async throws {
        let error = await #expect(throws: CrypTenError.self) {
            _ = try await withLocalParties(2, configuration: Self.configuration(slabBits)) { $0.partyCount }
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "\(slabBits) slab bits; choose 12 to 20")
        #expect(throws: CrypTenError.self) { try Rehearsal(parties: 2, fractionBits: 16, slabBits: slabBits) }
    }

    @Test("are the same at all members, or none connects", arguments: [12, 18])
    func refusal(slabBits: Int) async throws {
        let service = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
        let serving = Task.detached {
            _ = try await service.serve(configuration: SessionConfiguration(), timeout: .seconds(5))
        }
        var listeners: [SessionListener] = []
        for _ in 0..<2 { listeners.append(try await SessionListener.listen(at: "127.0.0.1:0")) }
        let (addresses, dealer) = (listeners.map(\.address), service.address)
        let errors = await withTaskGroup(of: (any Error)?.self) { group in
            for (index, listener) in listeners.enumerated() {
                group.addTask {
                    do {
                        let session = try await listener.connect(
                            party: .party(index),
                            parties: addresses,
                            dealer: dealer,
                            session: "slabs",
                            configuration: Self.configuration(index == 0 ? 15 : slabBits),
                            timeout: .seconds(5)
                        )
                        await session.close()
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        _ = await serving.result
        let messages = errors.compactMap { ($0 as? CrypTenError) }
        #expect(messages.count == 2, "\(errors)")
        #expect(messages.contains { $0.code == .diverged && $0.message.contains("slab bits") }, "\(messages)")
    }

    @Test("are among what members compare when they connect")
    func agreement() {
        #expect(SessionConfiguration().agreement == "fraction bits 16, slab bits 15")
        #expect(Self.configuration(18).agreement == "fraction bits 16, slab bits 18")
    }
}
