import CrypTen
import Foundation
import Synchronization

/// Processes of this machine that run one program together: N parties and a dealer, or two parties without one, which know one another's addresses from
/// here and talk over loopback.
///
/// Every process listens on a port that the system chooses, and tells it; then all are told all addresses. So no port is
/// chosen before it is taken, and runs side by side don't meet.
struct LocalMembers: Sendable {
    var parties: Int
    var fractionBits: Int
    var slabBits: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer
    /// What each process computes with.
    var compute = Compute()
    /// A network that a relay between each two of them plays; nil: nothing between them but loopback.
    var network: NetworkProfile?
    /// Whether they talk over TLS, with identities drawn for this run.
    var isTLS = false
    /// The memory that the dealer keeps to; parties are told by party 0.
    var memoryLimit: Int?
    /// How long members wait for one another: options of theirs.
    var deadlines: [String] = []
    /// What parties seal their checkpoints with; no command line names it.
    var checkpointPassphrase: Data?
    /// Told, by a party's message, that all rest after so many runs, and of all processes, the dealer's last.
    var rested: (@Sendable (Int, [ChildProcess]) -> Void)?
    /// The command line of a party, by its number, without what says how it computes.
    var arguments: @Sendable (Int) -> [String]

    /// What all have reported.
    struct Reports: Sendable {
        var parties: [ChildReport]
        /// Nil where there was none.
        var dealer: DealerReport?
    }

    /// How many processes there are.
    private var count: Int {
        parties + (correlations.hasDealer ? 1 : 0)
    }

    /// Runs them.
    ///
    /// - Parameter progress: Told the share that is done and the layer, from party 0.
    /// - Returns: What each has reported.
    /// - Throws: the error of the process that failed first. No process is left behind either way, nor after a signal.
    func run(_ progress: @escaping @Sendable (String?, Double) -> Void) async throws -> Reports {
        let family = Family()
        return try await Interruption.ending("all processes of this run were ended", with: { family.endAll() }) {
            try await run(family, progress)
        }
    }

    private func run(
        _ family: Family,
        _ progress: @escaping @Sendable (String?, Double) -> Void
    ) async throws -> Reports {
        let (events, continuation) = AsyncStream.makeStream(of: (Int, ChildProcess.Event).self)
        var members = Members(count: count, parties: parties)
        defer { family.endAll() }
        var relays: EmulatedNetwork?
        for index in 0..<count {
            let own = index == parties ? dealerArguments : arguments(index)
            let child = try ChildProcess(
                name(of: index),
                arguments: own + deadlines + compute.arguments(sharedBy: parties)
            ) {
                continuation.yield((index, $0))
            }
            family.add(child)
        }
        for await (index, event) in events {
            switch event {
            case .message(.listening(let address)):
                members.addresses[index] = address
                let known = members.addresses.compactMap { $0 }
                if known.count == count {
                    relays = try await invite(family, to: known)
                }
            case .message(.progress(let layer, let fraction)):
                if index == 0 { progress(layer, fraction) }
            case .message(.rested(let runs)):
                rested?(runs, family.members)
            case .message(.party(let report)):
                members.reports[index] = report
            case .message(.dealer(let report)):
                members.dealer = report
            case .message(.failed(let message, let isEcho)):
                // All may find the same thing wrong, and party 0 knows most about it: each may say what it has to say.
                members.failures.append(Failure(member: index, message: message, isEcho: isEcho))
                family.endSoon()
            case .ended(let how):
                members.running -= 1
                let hasReported = index == parties ? members.dealer != nil : members.reports[index] != nil
                let hasExplained = members.failures.contains { $0.member == index }
                // What its peers have noticed of it says less.
                if !hasReported, !hasExplained, !family.isEnding {
                    members.failures.append(
                        Failure(
                            member: index,
                            message: "\(name(of: index)) ended unexpectedly (\(how ?? "without a result"))",
                            isEcho: false
                        )
                    )
                    family.endSoon()
                }
            }
            if members.running == 0 { break }
        }
        await relays?.close()
        let causes = members.failures.filter { !$0.isEcho }
        if let failure = causes.min(by: { $0.member < $1.member }) ?? members.failures.first {
            throw CrypTenError(.partyFailed, failure.message)
        }
        let reports = members.reports.compactMap { $0 }
        guard reports.count == parties, !correlations.hasDealer || members.dealer != nil else {
            throw CrypTenError(.cancelled, "the run was interrupted, and all its processes were ended")
        }
        return Reports(parties: reports, dealer: members.dealer)
    }

    /// Tells all members where the others are, the dealer last in `addresses`, where there is one.
    private func invite(_ family: Family, to addresses: [String]) async throws -> EmulatedNetwork? {
        let (listening, dealer) = (Array(addresses.prefix(parties)), addresses.dropFirst(parties).first)
        var relays: EmulatedNetwork?
        if let network {
            relays = try await EmulatedNetwork.start(parties: listening, dealer: dealer, network: network)
        }
        let session = UUID().uuidString
        var random = SystemRandomNumberGenerator()
        let secret = Data((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        let identities =
            isTLS ? try (0..<count).map { try MemberIdentity.create(name: "member-\($0)", days: 1) } : nil
        for (index, child) in family.members.enumerated() {
            let called = index < parties ? relays?.addresses(for: PartyID(index)) : nil
            let invitation = Invitation(
                session: session,
                parties: called?.parties ?? listening,
                dealer: called?.dealer ?? dealer,
                fractionBits: fractionBits,
                slabBits: slabBits,
                transferTreeHeight: correlations.transferTreeHeight,
                secret: secret,
                checkpointPassphrase: index < parties ? checkpointPassphrase : nil,
                identity: identities?[index].secretPEM,
                certificates: identities?.map(\.certificate.pem)
            )
            try child.invite(invitation)
        }
        return relays
    }

    private struct Failure {
        var member: Int
        var message: String
        var isEcho: Bool
    }

    private struct Members {
        var addresses: [String?]
        var reports: [ChildReport?]
        var dealer: DealerReport?
        var failures: [Failure] = []
        var running: Int

        init(count: Int, parties: Int) {
            addresses = Array(repeating: nil, count: count)
            reports = Array(repeating: nil, count: parties)
            running = count
        }
    }

    private func name(of index: Int) -> String {
        index == parties ? "the dealer" : PartyID(index).description
    }

    private var dealerArguments: [String] {
        ["dealer", "--supervised", "--parties", "\(parties)"] + (rested == nil ? [] : ["--watched"])
            + (memoryLimit.map { ["--memory-limit", "\($0 / 1024)KiB"] } ?? [])
    }
}

/// The processes of a local run, to be ended together.
final class Family: Sendable {
    private struct State {
        var children: [ChildProcess] = []
        var isEnding = false
    }

    private let state = Mutex(State())

    var members: [ChildProcess] {
        state.withLock(\.children)
    }

    /// Whether they are being ended: what they say after that says nothing.
    var isEnding: Bool {
        state.withLock(\.isEnding)
    }

    /// Takes a child that was started; it is ended at once where all are being ended.
    func add(_ child: ChildProcess) {
        let isLate = state.withLock { state in
            state.children.append(child)
            return state.isEnding
        }
        if isLate { endAll() }
    }

    /// Ends all after a time in which they can say what happened, and end by themselves.
    func endSoon() {
        Task.detached {
            try? await Task.sleep(for: .seconds(1))
            self.endAll()
        }
    }

    /// Ends all that still run: whoever isn't gone when a peer would notice is killed.
    func endAll() {
        let children = state.withLock { state in
            state.isEnding = true
            return state.children
        }
        for child in children { child.end() }
        Task.detached {
            try? await Task.sleep(for: .seconds(1.5))
            for child in children { child.end(SIGKILL) }
        }
    }
}
