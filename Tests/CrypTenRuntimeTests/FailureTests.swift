import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Crypto
import Foundation
import NIOCore
import Testing

@Suite("A session that goes wrong ends with a code at every member")
struct FailureTests {
    /// What each member met with: the parties in order, then the dealer; nil for one that met with nothing.
    private func outcomes(
        _ parties: Int,
        dealer: (@Sendable (any Transport) throws -> Void)? = nil,
        _ body: @escaping @Sendable (Session) async throws -> Void
    ) async throws -> [CrypTenError?] {
        let configuration = SessionConfiguration()
        let mesh = try MemoryTransport.mesh(parties: parties, session: "failures", parameters: configuration.agreement)
        return await withTaskGroup(of: (Int, CrypTenError?).self) { group in
            group.addTask {
                let error = await withCheckedContinuation { continuation in
                    Thread.detachNewThread {
                        do {
                            if let dealer {
                                try dealer(mesh.dealer)
                            } else {
                                try Dealer(
                                    transport: mesh.dealer,
                                    kernels: NativeKernels(threads: 1),
                                    configuration: configuration
                                ).serve()
                            }
                            continuation.resume(returning: nil as CrypTenError?)
                        } catch {
                            continuation.resume(returning: error as? CrypTenError)
                        }
                    }
                }
                return (parties, error)
            }
            for (index, transport) in mesh.parties.enumerated() {
                group.addTask {
                    do {
                        let session = try Session(
                            transport: transport,
                            kernels: NativeKernels(threads: 1),
                            configuration: configuration
                        )
                        do {
                            try await body(session)
                            await session.close()
                            return (index, nil)
                        } catch {
                            let error = error as? CrypTenError ?? CrypTenError(.partyFailed, "\(error)")
                            session.abort(error)
                            let later = await #expect(throws: CrypTenError.self) {
                                _ = try await session.reveal(CrypTensor(1.0), to: .all)
                            }
                            #expect(
                                [.sessionClosed, .invalidArgument].contains(later?.code),
                                "nothing runs after \(error)"
                            )
                            await session.close()
                            return (index, error)
                        }
                    } catch {
                        return (index, error as? CrypTenError)
                    }
                }
            }
            return await group.reduce(into: [CrypTenError?](repeating: nil, count: parties + 1)) { $0[$1.0] = $1.1 }
        }
    }

    enum Misfit: String, CaseIterable, Sendable {
        case shapes, batches, models, weights, onceMore, releasedEarly
    }

    /// One party, the last, runs something else.
    private func run(_ misfit: Misfit, on session: Session) async throws {
        let isOther = session.party.index == session.partyCount - 1
        let rows = misfit == .batches && isOther ? 3 : 2
        let columns = misfit == .shapes && isOther ? 5 : 4
        func input(_ owner: Int, _ shape: Shape) async throws -> CrypTensor {
            try await session.input(from: .party(owner), shape: shape) {
                Tensor([Double](repeating: 0.5, count: shape.count), shape: shape)
            }
        }
        let x = try await input(0, [rows, columns])
        let held = try await session.hold([try await input(1, [4, 3]), try await input(1, [4, 3])])
        var weights = held[0]
        switch misfit {
        case .weights where isOther: weights = held[1]
        case .onceMore where isOther: weights = try await session.evaluate([weights * 2.0])[0]
        case .releasedEarly where isOther: try await session.release([held[1]])
        default: break
        }
        if misfit == .shapes || misfit == .batches {
            // The product of kept values alone has a shape that all know.
            _ = try await session.reveal(x.sum() + weights.sum(), to: .all)
        } else {
            let product = x.matmul(weights)
            _ = try await session.reveal(misfit == .models && isOther ? product * product : relu(product), to: .all)
        }
        _ = try await session.reveal(weights + held[0], to: .all)
    }

    @Test(
        "parties that run different models, shapes, batches, or bind other weights to the same plan, all end",
        arguments: Misfit.allCases,
        [2, 3]
    )
    func misfits(misfit: Misfit, parties: Int) async throws {
        let errors = try await outcomes(parties) { try await run(misfit, on: $0) }
        print("misfit \(misfit.rawValue), \(parties) parties: \(errors.map { $0?.code.description ?? "none" })")
        for error in errors {
            let error = try #require(error, "\(misfit) ends at every member")
            #expect([.diverged, .partyFailed, .sessionClosed].contains(error.code), "\(error)")
        }
        #expect(errors.contains { $0?.code == .diverged })
    }

    enum Fake: String, CaseIterable, Sendable {
        case tooLittle, tooMuch, anotherRun, oddLength, leaves
    }

    @Test(
        "a dealer that sends too little, too much, for another run, or leaves, ends the session at every party",
        arguments: Fake.allCases
    )
    func fakeDealer(fake: Fake) async throws {
        let errors = try await outcomes(
            2,
            dealer: { transport in
                let soon = Deadline.after(.seconds(20))
                var frame = try transport.receive([.plan], from: .party(PartyID(0)), deadline: soon)
                frame = try transport.receive([.plan], from: .party(PartyID(1)), deadline: soon)
                // A fingerprint, the length of the binding, the binding: every frame of the run carries the start of its hash.
                let binding = SHA256.hash(data: frame.payload.readableBytesView.dropFirst(36).map { $0 })
                let start = binding.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
                let bytes = fake == .oddLength ? 13 : fake == .tooMuch ? 1 << 20 : 8
                if fake != .leaves {
                    let run = frame.run + (fake == .anotherRun ? 1 : 0)
                    let payload = ByteBuffer(repeating: 1, count: bytes)
                    try transport.send(
                        Frame(.correction, binding: start, run: run, payload: payload),
                        to: .party(PartyID(1)),
                        deadline: soon
                    )
                }
                if fake == .tooLittle || fake == .leaves {
                    transport.close()
                } else {
                    _ = try transport.receive([.plan], from: .party(PartyID(1)), deadline: soon)
                }
            }
        ) { session in
            let x = try await session.input(from: .party(0), shape: [100]) {
                Tensor([Double](repeating: 0.5, count: 100), shape: [100])
            }
            _ = try await session.reveal(relu(x * x), to: .all)
        }
        print("fake dealer \(fake.rawValue): \(errors.map { $0?.code.description ?? "none" })")
        for error in errors[...1] {
            let error = try #require(error, "\(fake) ends at every party")
            #expect([.diverged, .partyFailed, .sessionClosed, .malformedFrame].contains(error.code), "\(error)")
        }
    }

    @Test("more forms than are kept run, also those that were given up")
    func manyPlans() async throws {
        let results = try await withLocalParties(2) { session -> [Bool] in
            var isRight: [Bool] = []
            for round in 0..<2 {
                for count in 1...200 {
                    let x = try await session.input(from: .party(0), shape: [count]) {
                        Tensor((0..<count).map { Double($0 + round) }, shape: [count])
                    }
                    let sum = try await session.reveal((x * 2.0).sum(), to: .all)
                    let want = Double(count * (count - 1) + 2 * round * count)
                    isRight.append(abs((sum?.doubles[0] ?? .nan) - want) < 0.1)
                }
            }
            return isRight
        }
        for result in results { #expect(result.count == 400 && result.allSatisfy { $0 }) }
    }

    @Test("a silence limit below a second is refused")
    func silenceLimit() async throws {
        var configuration = SessionConfiguration()
        configuration.silenceLimit = .milliseconds(900)
        let impossible = configuration
        let error = await #expect(throws: CrypTenError.self) {
            _ = try await withLocalParties(2, configuration: impossible) { $0.partyCount }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("a party that computes for three times the silence limit isn't taken for dead")
    func computing() async throws {
        var configuration = SessionConfiguration()
        configuration.silenceLimit = .seconds(1)
        configuration.threads = 1
        let shared = configuration
        let dealer = try await DealerService.listen(at: "127.0.0.1:0", parties: 2)
        let listeners = [
            try await SessionListener.listen(at: "127.0.0.1:0"), try await SessionListener.listen(at: "127.0.0.1:0"),
        ]
        let addresses = listeners.map(\.address)
        async let served = dealer.serve(session: "computing", configuration: shared, timeout: .seconds(20))
        let values = try await withThrowingTaskGroup(of: [Double].self) { group in
            for (index, listener) in listeners.enumerated() {
                group.addTask {
                    let session = try await listener.connect(
                        party: PartyID(index),
                        parties: addresses,
                        dealer: dealer.address,
                        session: "computing",
                        configuration: shared,
                        timeout: .seconds(20)
                    )
                    let x = try await session.input(from: .party(0)) { Tensor([1, 2, 3], shape: [3]) }
                    // Between the parts of its work, on the engine's own thread.
                    let y = try await session.input(from: .party(1)) {
                        Thread.sleep(forTimeInterval: 3)
                        return Tensor([1, 2, 3], shape: [3])
                    }
                    let result = try await session.reveal(x * y, to: .all)
                    await session.close()
                    return result?.doubles ?? []
                }
            }
            return try await group.reduce(into: [[Double]]()) { $0.append($1) }
        }
        _ = try await served
        for value in values { #expect(zip(value, [1, 4, 9]).allSatisfy { abs($0 - $1) < 1e-3 }) }
    }
}
