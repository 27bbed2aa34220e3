import CrypTen
import CrypTenBase
import CrypTenIdentity
package import CrypTenRuntime
import CrypTenSharing
import Foundation
package import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle

/// A party of a cell that stays up: it makes sessions with the others, one after another, and serves in each what waits at its door.
///
/// A member that is lost ends the session for all of them; those that are left make a new one, as soon as there can be one, and nothing of the
/// old one is used again. What waited goes on waiting for a bounded time.
package final class PartyDaemon: Service {
    /// Makes a session with the others and the dealer of a place in the file, where there is one.
    package typealias Connecting = @Sendable (MemberSettings, _ dealer: Int?) async throws -> Session

    private struct State {
        var settings: MemberSettings
        /// Attempts to make a session since the last one that was made.
        var attempts = 0
        /// The dealer of the last session; nil where there is none.
        var dealer: Int?
        var isLeaving = false
        /// Whether there was a session: what ended it is no reason to end the party then.
        var wasUp = false
    }

    package let requests: WaitingRequests
    package let shelf = ModelShelf()
    private let membership: Membership
    private let own: OwnModels
    private let meter: CellMeter
    private let logger: Logger
    private let connecting: Connecting?
    private let state: NIOLockedValueBox<State>

    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(2)
    /// How long a session's members are waited for where another dealer may be tried.
    private static let attempt = Duration.seconds(4)

    /// - Parameter connecting: Makes the sessions; nil: over TCP and TLS, at the file's addresses.
    /// - Throws: what is wrong with identities, or with what others are known by.
    package init(
        _ settings: MemberSettings,
        meter: CellMeter,
        logger: Logger,
        connecting: Connecting? = nil
    ) throws {
        (self.meter, self.logger, self.connecting) = (meter, logger, connecting)
        let limits = settings.cluster.limits
        requests = WaitingRequests(
            RequestTable(cell: settings.cluster.cell, capacity: limits.requests, patience: limits.waiting)
        )
        own = OwnModels(settings.local.models)
        membership = try settings.membership(dealer: settings.cluster.dealers.indices.first)
        state = NIOLockedValueBox(State(settings: settings))
    }

    private var party: PartyID {
        guard case .party(let index) = state.withLockedValue({ $0.settings.part }) else {
            preconditionFailure("a dealer is no party")
        }
        return PartyID(index)
    }

    private var isLeaving: Bool { state.withLockedValue { $0.isLeaving } }

    // MARK: Life

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.serve() }
            // Whatever the engine waits for, a request waits no longer than it may.
            group.addTask {
                while true {
                    try await Task.sleep(for: .milliseconds(100))
                    self.requests.expire()
                    self.meter.waiting(self.requests.withTable { $0.count })
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        // It ends when its turn comes: what has been answered is still on its way through the door.
        if isLeaving { try? await gracefulShutdown() }
    }

    /// Takes nothing in any more, has what waits run, and leaves the cell in good order.
    package func leave() {
        state.withLockedValue { $0.isLeaving = true }
        requests.withTable { $0.close() }
        requests.bell.ring()
    }

    private func serve() async throws {
        var pause = PartyDaemon.firstPause
        while !isLeaving, !Task.isCancelled {
            do {
                try await serveSession()
                pause = PartyDaemon.firstPause
            } catch {
                if isLeaving { break }
                let error = error as? CrypTenError
                if let error, [.invalidArgument, .insecureTransport, .addressInUse].contains(error.code),
                    !state.withLockedValue({ $0.wasUp })
                {
                    throw error
                }
                // Not the cause: where a member's bytes can't be read, it may quote them.
                logger.warning(
                    "no session: \(error?.message ?? "something failed"); the next attempt comes in \(pause)"
                )
            }
            suspend()
            if isLeaving { break }
            await requests.bell.wait(atMost: pause)
            pause = min(pause * 2, PartyDaemon.longestPause)
        }
        let left = requests.withTable { $0.take($0.all) }
        requests.refuse(left, .restarting, "the party ends: ask anew in some seconds")
        logger.info("the party has left the cell")
    }

    private func suspend() {
        shelf.suspend()
        requests.withTable { $0.suspend() }
        meter.session(isUp: false)
    }

    // MARK: One session

    private func serveSession() async throws {
        let session = try await connect()
        let cluster = state.withLockedValue { $0.settings.cluster }
        let cell = CellSession(
            session,
            cluster: cluster,
            requests: requests,
            shelf: shelf,
            own: own,
            meter: meter,
            logger: logger,
            isLeaving: { [weak self] in self?.isLeaving ?? true }
        )
        do {
            try await cell.begin()
            state.withLockedValue { $0.wasUp = true }
            meter.session(isUp: true)
            logger.info(
                "a session is up",
                metadata: ["agreement": "\(cluster.agreementDigest)", "epoch": "\(shelf.epoch.map { "\($0)" } ?? "")"]
            )
            try await cell.serve()
            logger.info("the session has ended in good order")
        } catch {
            meter.lost()
            await session.close()
            throw error
        }
    }

    /// Connects with the others, and with the first dealer that can be reached, where there are any.
    private func connect() async throws -> Session {
        let settings = state.withLockedValue { $0.settings }
        let choice = await chosenDealer(settings.cluster)
        let trust = try settings.trust(dealer: choice)
        try membership.replace(identities: settings.identities(), parties: trust.parties, dealer: trust.dealer)
        if let connecting { return try await connecting(settings, choice) }
        var configuration = SessionConfiguration()
        configuration.fractionBits = settings.cluster.fractionBits
        configuration.slabBits = settings.cluster.slabBits
        configuration.correlations = settings.cluster.correlations
        configuration.transferTreeHeight = settings.cluster.transferTreeHeight
        configuration.threads = settings.local.threads
        configuration.device = settings.local.device ?? configuration.device
        configuration.membership = membership
        configuration.logger = logger
        configuration.silenceLimit = .seconds(5)
        let cluster = settings.cluster
        let dealer = choice.map { cluster.dealers[$0] }
        let listener = try await SessionListener.listen(at: settings.listen, membership: membership)
        do {
            let session = try await untilLeaving { [configuration] in
                try await listener.connect(
                    party: self.party,
                    parties: cluster.members.map(\.address),
                    dealer: dealer?.address,
                    session: cluster.cell + (dealer.map { "/\($0.name)" } ?? ""),
                    configuration: configuration,
                    timeout: cluster.dealers.count > 1 ? PartyDaemon.attempt : .seconds(60)
                )
            }
            state.withLockedValue { state in
                state.attempts = 0
                state.dealer = choice
            }
            logger.info("connected", metadata: ["dealer": "\(dealer?.name ?? "none")"])
            return session
        } catch {
            state.withLockedValue { $0.attempts += 1 }
            throw error
        }
    }

    /// The first dealer of the file that answers; where parties don't find the same one, the others try all that answer until they meet
    /// party 0's.
    private func chosenDealer(_ cluster: ClusterFile) async -> Int? {
        guard cluster.dealers.count > 1 else { return cluster.dealers.indices.first }
        var answering: [Int] = []
        for (index, dealer) in cluster.dealers.enumerated() where await Reachability.answers(dealer.address) {
            answering.append(index)
        }
        guard !answering.isEmpty else { return 0 }
        let attempts = party == PartyID(0) ? 0 : state.withLockedValue { $0.attempts }
        return answering[attempts % answering.count]
    }

    /// Ends what is being waited for when the party is to leave.
    private func untilLeaving<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !self.isLeaving { try await Task.sleep(for: .milliseconds(100)) }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else {
                throw CrypTenError(.cancelled, "the party is to leave")
            }
            return result
        }
    }

    // MARK: Changes

    /// Takes over what has changed in the cluster file, as far as one member may change it; what all must agree on waits for a new start.
    func reload(_ settings: MemberSettings) throws {
        let count = settings.cluster.dealers.count
        let dealer = count == 0 ? nil : (state.withLockedValue { $0.dealer } ?? 0) % count
        // Whatever else can't be read, nobody who is revoked stays.
        for fingerprint in settings.cluster.revoked { membership.revoke(fingerprint) }
        let trust = try settings.trust(dealer: dealer)
        try membership.replace(identities: settings.identities(), parties: trust.parties, dealer: trust.dealer)
        let limits = settings.cluster.limits
        requests.withTable { table in
            table.capacity = limits.requests
            table.patience = limits.waiting
        }
        own.replace(settings.local.models)
        state.withLockedValue { $0.settings = settings }
        requests.bell.ring()
    }

    /// This member's certificate's last day, and what is wrong with it.
    func certificates() -> (days: Int?, warnings: [String]) {
        let settings = state.withLockedValue { $0.settings }
        let days = (try? settings.identities())?.map { $0.certificate.daysLeft(at: Date()) }.max()
        return (days, membership.warnings(at: Date()))
    }
}
