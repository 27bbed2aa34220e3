import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Foundation

/// The members of one run, threads of this process; one of them does at most one thing wrong.
struct FaultyMembers: Sendable {
    /// How one run went.
    struct Run: Sendable {
        var outcomes: [Role: MemberOutcome]
        /// What was to be sent over each link.
        var seen: [DirectedLink: [SeenFrame]]
        /// When the fault happened; nil if its frame never came.
        var happened: ContinuousClock.Instant?
    }

    var parties = 2
    var program = SmallInference()
    /// What parties make their correlations by; nil where there is a dealer.
    var maker: (@Sendable (Int, any Kernels) throws -> any CorrelationMaker)?
    /// What bounds a wait for a member that lives.
    var patience = Duration.seconds(1)

    /// Runs the inference once, with or without a fault.
    func run(_ injection: Injection<FrameFault>? = nil) async throws -> Run {
        var configuration = SessionConfiguration()
        configuration.patience = patience
        // A dealer that hears nothing at all ends later than those who wait for it.
        configuration.idlePatience = patience * 5
        configuration.threads = 1
        configuration.correlations = maker == nil ? .dealer : .parties
        configuration.insecureMaker = maker
        let common = configuration
        let members = try transports(common.agreement).map { FaultyTransport($0, injection) }
        let outcomes = await withTaskGroup(of: (Role, MemberOutcome).self) { group in
            for member in members {
                group.addTask {
                    guard member.role == .dealer else { return (member.role, await program.outcome(member, common)) }
                    return await onThread {
                        do {
                            try Dealer(transport: member, kernels: SmallInference.kernels, configuration: common)
                                .serve()
                            return (.dealer, MemberOutcome(.right))
                        } catch {
                            return (.dealer, MemberOutcome(error))
                        }
                    }
                }
            }
            return await group.reduce(into: [Role: MemberOutcome]()) { $0[$1.0] = $1.1 }
        }
        return Run(
            outcomes: outcomes,
            seen: members.reduce(into: [:]) { $0.merge($1.seen) { $1 } },
            happened: members.compactMap(\.happened).first
        )
    }

    private func transports(_ agreement: String) throws -> [any Transport] {
        guard maker == nil else {
            return try MemoryTransport.meshWithoutDealer(parties: parties, session: "walk", parameters: agreement)
        }
        let mesh = try MemoryTransport.mesh(parties: parties, session: "walk", parameters: agreement)
        return mesh.parties + [mesh.dealer]
    }
}
