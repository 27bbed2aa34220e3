package import CrypTenBase
public import CrypTenIdentity
import CrypTenRing
import CrypTenTransport
import NIOConcurrencyHelpers

/// The dealer as a service: it listens, and serves sessions one after another.
///
/// It sees the plans that the parties run, how often and when; never data, weights or masked values. Whoever runs it must
/// not work together with a party.
public final class DealerService: Sendable {
    /// What a session that has ended took.
    public struct Report: Sendable, Hashable {
        /// Bytes of corrections, frame headers included, by the transport's counters.
        public var correctionBytes: Int
        /// Where the time of its runs went.
        public var work: WorkTimes
    }

    /// Where it listens: `host:port`, with the port that the system chose where 0 was asked for.
    public let address: String
    /// How many parties a session has.
    public let partyCount: Int

    private let insecurePlaintext: Bool
    private let membership: Membership?
    private let listener: NIOLockedValueBox<TCPListener?>
    /// What ends the session that is being served; and why none is served any more.
    private let underway = NIOLockedValueBox<(session: Interruption?, end: CrypTenError?)>((nil, nil))
    private let thread = EngineThread(name: "crypten dealer")

    private init(_ listener: TCPListener, partyCount: Int, insecurePlaintext: Bool, membership: Membership?) {
        self.listener = NIOLockedValueBox(listener)
        address = listener.address.description
        self.partyCount = partyCount
        self.insecurePlaintext = insecurePlaintext
        self.membership = membership
    }

    /// Listens at `host:port`; port 0 lets the system choose.
    ///
    /// - Parameters:
    ///   - address: Of this machine, and reached by nobody else, unless there is a `membership`, or `insecurePlaintext`.
    ///   - parties: How many parties a session has.
    ///   - insecurePlaintext: Accept that whoever can change what goes over the network may take a member's place.
    ///   - membership: Who the dealer is, and by what it knows the parties; that of the configurations it serves with unless they
    ///     have their own.
    /// - Returns: A service that listens, and serves when it is told to.
    /// - Throws: `.invalidArgument`, `.insecureTransport` or `.addressInUse`.
    public static func listen(
        at address: String,
        parties: Int,
        insecurePlaintext: Bool = false,
        membership: Membership? = nil
    ) async throws -> DealerService {
        guard parties >= 2 else {
            throw CrypTenError(.invalidArgument, "a session of \(parties) parties: at least 2 are needed")
        }
        let address = try TCPAddress(address)
        let listener = try await EngineThread(name: "crypten listen").run {
            try TCPListener.bind(address, insecurePlaintext: insecurePlaintext, membership: membership)
        }
        return DealerService(
            listener,
            partyCount: parties,
            insecurePlaintext: insecurePlaintext,
            membership: membership
        )
    }

    /// Ends the session that is being served, and any that would be, with a reason that its members are told.
    package func abort(_ error: CrypTenError) {
        let session = underway.withLockedValue { underway in
            underway.end = underway.end ?? error
            return underway.session
        }
        session?.interrupt(error)
    }

    /// Serves one session, from its first connection to its end.
    ///
    /// - Parameters:
    ///   - session: The session's name; nil: the session of whichever party calls first, and its fraction bits.
    ///   - configuration: As at the parties.
    ///   - timeout: How long to wait until all parties are there; without a name, from the first call on.
    /// - Returns: What it took.
    /// - Throws: what ended the session, unless the parties closed it; `.cancelled`, which the parties are told, when the
    ///   calling task is cancelled.
    public func serve(
        session: String? = nil,
        configuration: SessionConfiguration = SessionConfiguration(),
        timeout: Duration = .seconds(300)
    ) async throws -> Report {
        try configuration.check()
        guard configuration.correlations == .dealer else {
            throw CrypTenError(
                .invalidArgument,
                "a dealer has no place in sessions whose parties make the correlations themselves: leave it out"
            )
        }
        let interruption = Interruption()
        let end = underway.withLockedValue { underway in
            underway.session = interruption
            return underway.end
        }
        defer { underway.withLockedValue { $0.session = nil } }
        if let end { interruption.interrupt(end) }
        return try await interruption.ifCancelled {
            try await thread.run { [self] in
                try serve(session: session, configuration, timeout, interruption)
            }
        }
    }

    private func serve(
        session: String?,
        _ configuration: SessionConfiguration,
        _ timeout: Duration,
        _ interruption: Interruption
    ) throws -> Report {
        let taken = listener.withLockedValue { listener -> TCPListener? in
            defer { listener = nil }
            return listener
        }
        // A listener belongs to one session; the next one listens anew.
        var tcp = TCPConfiguration(session: session ?? "", partyCount: partyCount, peers: [:])
        tcp.adopt(configuration)
        tcp.membership = tcp.membership ?? membership
        tcp.insecurePlaintext = insecurePlaintext
        let listener =
            try taken
            ?? TCPListener.bind(
                try TCPAddress(address),
                insecurePlaintext: insecurePlaintext,
                membership: tcp.membership
            )
        let hello: Hello?
        do {
            hello =
                session == nil
                ? try listener.firstHello(
                    deadline: .after(configuration.idlePatience),
                    interruption: interruption,
                    membership: tcp.membership,
                    logger: tcp.logger
                )
                : nil
        } catch {
            listener.close()
            throw error
        }
        let transport = try TCPTransport.connect(
            role: .dealer,
            configuration: tcp,
            listener: listener,
            joining: hello,
            deadline: .after(timeout),
            interruption: interruption
        )
        interruption.onInterrupt { transport.abort($0) }
        let dealer = Dealer(
            transport: transport,
            kernels: try configuration.kernels(),
            configuration: configuration
        )
        try dealer.serve()
        return Report(
            correctionBytes: Int(transport.statistics.bytesToParties(.correction)),
            work: dealer.work
        )
    }
}
