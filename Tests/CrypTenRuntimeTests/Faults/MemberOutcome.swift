import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation

/// How a run ended for one member.
struct MemberOutcome: Sendable {
    enum End: Sendable {
        /// The right result; for the dealer, an end in good order.
        case right
        case wrong
        case failed(CrypTenError)
        /// An error without a name.
        case unnamed(String)
    }

    var end: End
    var moment: ContinuousClock.Instant
    /// What of a session that had failed could be used nevertheless.
    var usableAfterFailure: [String] = []

    /// Ended just now.
    init(_ end: End) {
        self.end = end
        moment = .now
    }

    /// The end that an error makes.
    init(_ error: any Error) {
        self.init((error as? CrypTenError).map { .failed($0) } ?? .unnamed("\(error)"))
    }

    var isRight: Bool {
        if case .right = end { true } else { false }
    }

    var code: CrypTenError.Code? {
        if case .failed(let error) = end { error.code } else { nil }
    }

    var label: String {
        switch end {
        case .right: "right"
        case .wrong: "WRONG RESULT"
        case .failed(let error): "\(error.code): \(error.message)"
        case .unnamed(let text): "UNNAMED: \(text)"
        }
    }
}

extension SmallInference {
    /// Runs it at a party whose connections stand, and says how it ended.
    func outcome(_ transport: any Transport, _ configuration: SessionConfiguration) async -> MemberOutcome {
        do {
            let session = try Session(transport: transport, kernels: Self.kernels, configuration: configuration)
            var outcome: MemberOutcome
            do {
                outcome = MemberOutcome(isRight(try await run(session)) ? .right : .wrong)
            } catch {
                outcome = MemberOutcome(error)
                // What can't be run or put in is the caller's to mend, and the session lives; this caller gives up.
                session.abort(CrypTenError(failure: error, of: transport.role))
                outcome.usableAfterFailure = await Self.use(session, transport)
            }
            await session.close()
            return outcome
        } catch {
            return MemberOutcome(error)
        }
    }

    /// Tries to use a session that has failed; returns what went through.
    private static func use(_ session: Session, _ transport: any Transport) async -> [String] {
        func sent() -> [TransportStatistics.Count] {
            Role.all(partyCount: transport.partyCount).map { transport.statistics.sent(to: $0) }
        }
        let before = sent()
        var went: [String] = []
        func attempt(_ name: String, _ body: () async throws -> Void) async {
            do {
                try await body()
                went.append(name)
            } catch {
                let code = (error as? CrypTenError)?.code
                if code != .sessionClosed { went.append("\(name): \(error)") }
            }
        }
        let constant = CrypTensor(1.5)
        await attempt("input") {
            _ = try await session.input(from: session.party, shape: [2]) { Tensor([1, 2], shape: [2]) }
        }
        await attempt("public input") {
            _ = try await session.publicInput(from: session.party) { Tensor([1, 2], shape: [2]) }
        }
        await attempt("placeholder") { _ = try await session.placeholder(from: session.party, shape: [2]) }
        await attempt("reveal") { _ = try await session.reveal(constant, to: .all) }
        await attempt("hold") { _ = try await session.hold([constant]) }
        await attempt("prepare") { try await session.prepare([constant], runs: 1) }
        if sent() != before { went.append("something was sent") }
        return went
    }
}

/// Runs a call that blocks on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
