public import CrypTenBase
import CrypTenDevice
public import CrypTenIdentity
import CrypTenRing
import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers

extension Session {
    /// Connects a party with the others, and with the dealer where there is one, over TCP.
    ///
    /// The order in which they start doesn't matter. With ``SessionConfiguration/membership`` connections are TLS 1.3, and all
    /// members show who they are. Without it what is sent is encrypted, but nothing shows who is at the other end, so only addresses of
    /// this machine are taken, unless `insecurePlaintext` says that nobody on the network takes a member's place.
    ///
    /// - Parameters:
    ///   - party: Which party this is.
    ///   - parties: Where each party listens, in order: `"127.0.0.1:9000"`, `"[::1]:9001"`.
    ///   - dealer: Where the dealer listens; nil where the parties make the correlations themselves (``SessionConfiguration/correlations``).
    ///   - session: The session's name, the same for all.
    ///   - configuration: The same for all where it matters.
    ///   - insecurePlaintext: Accept that whoever can change what goes over the network may take a member's place.
    ///   - timeout: How long to wait for the others.
    /// - Returns: The party's session; close it when the work is done.
    /// - Throws: `.invalidArgument` for what is no address, `.insecureTransport` for another machine's, `.addressInUse`
    ///   where something else listens, `.timedOut` naming who is missing, `.diverged` where members don't fit, `.identityRefused`
    ///   where one isn't who it should be.
    public static func connect(
        party: PartyID,
        parties: [String],
        dealer: String? = nil,
        session: String,
        configuration: SessionConfiguration = SessionConfiguration(),
        insecurePlaintext: Bool = false,
        timeout: Duration = .seconds(300)
    ) async throws -> Session {
        guard parties.indices.contains(party.index) else {
            throw CrypTenError(
                .invalidArgument,
                "there is no \(party): addresses of parties 0 to \(parties.count - 1) are given"
            )
        }
        // All are checked before anything happens.
        try configuration.check()
        try configuration.check(parties: parties.count, dealer: dealer)
        for address in parties + [dealer].compactMap({ $0 }) {
            try TCPAddress.check(address, insecurePlaintext, configuration.membership)
        }
        let listener = try await SessionListener.listen(
            at: parties[party.index],
            insecurePlaintext: insecurePlaintext,
            membership: configuration.membership
        )
        return try await listener.connect(
            party: party,
            parties: parties,
            dealer: dealer,
            session: session,
            configuration: configuration,
            insecurePlaintext: insecurePlaintext,
            timeout: timeout
        )
    }
}

/// A port on which a party listens before it knows the others' addresses.
public final class SessionListener: Sendable {
    /// Where it listens: `host:port`, with the port that the system chose where 0 was asked for.
    public let address: String
    private let listener: TCPListener

    private init(_ listener: TCPListener) {
        self.listener = listener
        address = listener.address.description
    }

    /// Listens at `host:port`; port 0 lets the system choose.
    ///
    /// - Parameters:
    ///   - address: Of this machine, and reached by nobody else, unless there is a `membership`, or `insecurePlaintext`.
    ///   - insecurePlaintext: Accept that whoever can change what goes over the network may take a member's place.
    ///   - membership: That of the configuration that the connection will be made with.
    /// - Throws: as `Session.connect` for its own address: `.invalidArgument`, `.insecureTransport`, `.addressInUse`.
    public static func listen(
        at address: String,
        insecurePlaintext: Bool = false,
        membership: Membership? = nil
    ) async throws -> SessionListener {
        let address = try TCPAddress(address)
        return SessionListener(
            try await EngineThread(name: "crypten listen").run {
                try TCPListener.bind(address, insecurePlaintext: insecurePlaintext, membership: membership)
            }
        )
    }

    /// Connects the party that listens here with the others; once.
    ///
    /// Parameters are those of `Session.connect`.
    ///
    /// - Throws: as `Session.connect` does.
    public func connect(
        party: PartyID,
        parties: [String],
        dealer: String? = nil,
        session: String,
        configuration: SessionConfiguration = SessionConfiguration(),
        insecurePlaintext: Bool = false,
        timeout: Duration = .seconds(300)
    ) async throws -> Session {
        try configuration.check()
        try configuration.check(parties: parties.count, dealer: dealer)
        var peers: [Role: TCPAddress] = [:]
        peers[.dealer] = try dealer.map { try TCPAddress($0) }
        for (index, address) in parties.enumerated() where index != party.index {
            peers[.party(PartyID(index))] = try TCPAddress(address)
        }
        var tcp = TCPConfiguration(session: session, partyCount: parties.count, peers: peers)
        tcp.hasDealer = dealer != nil
        tcp.adopt(configuration)
        tcp.insecurePlaintext = insecurePlaintext
        let interruption = Interruption()
        let transport = try await interruption.ifCancelled {
            try await EngineThread(name: "crypten connect").run { [listener, tcp] in
                let transport = try TCPTransport.connect(
                    role: .party(party),
                    configuration: tcp,
                    listener: listener,
                    deadline: .after(timeout),
                    interruption: interruption
                )
                if let error = interruption.error {
                    transport.abort(error)
                    transport.close()
                    throw error
                }
                return transport
            }
        }
        return try Session(transport: transport, kernels: try configuration.kernels(), configuration: configuration)
    }
}

/// Addresses as members of a session write them: `host:port`, or `[number with colons]:port`.
package enum SessionAddress {
    /// - Throws: `.invalidArgument` for what is no address.
    package static func check(_ text: String) throws {
        _ = try TCPAddress(text)
    }
}

extension TCPAddress {
    /// - Throws: `.invalidArgument` for what is no address that one can call, `.insecureTransport` for another machine's.
    fileprivate static func check(_ text: String, _ insecurePlaintext: Bool, _ membership: Membership?) throws {
        let address = try TCPAddress(text)
        guard address.port > 0 else {
            throw CrypTenError(
                .invalidArgument,
                "\"\(text)\" has no port that others could call: write one from 1 to 65535"
            )
        }
        try address.checkReach(insecurePlaintext: insecurePlaintext, membership: membership)
    }
}

extension TCPConfiguration {
    /// Takes over what a session's configuration says of its connections.
    mutating func adopt(_ configuration: SessionConfiguration) {
        parameters = configuration.agreement
        preSharedSecret = configuration.preSharedSecret?.material
        membership = configuration.membership
        silenceLimit = configuration.silenceLimit
        logger = configuration.logger
    }
}

extension SessionConfiguration {
    /// The kernels of a member, one of some that share the machine's processors where no number of threads is given.
    ///
    /// - Throws: `.deviceUnavailable` or `.notEnoughDeviceMemory` where a device is asked for that can't be used.
    func kernels(sharedBy members: Int = 1) throws -> any Kernels {
        let threads = threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount / max(1, members))
        guard let queue = try device.open() else { return NativeKernels(threads: threads) }
        return DeviceKernels(queue: queue, settings: .usual(for: queue), threads: threads)
    }
}
