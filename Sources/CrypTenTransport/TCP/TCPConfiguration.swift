package import CrypTenBase
package import CrypTenIdentity
package import Logging
package import NIOCore

/// Where a member of a session listens: a host, by name or number, and a port.
package struct TCPAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    /// The port; 0 lets the system choose one.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, or `[host]:port` for a number with colons.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument` for anything else.
    package init(_ text: String) throws {
        guard
            let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = UInt16(text[text.index(after: colon)...])
        else {
            throw CrypTenError(.invalidArgument, "\"\(text)\" is no address: write host:port, as in 127.0.0.1:9000")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw CrypTenError(.invalidArgument, "\"\(text)\" is no address: write [\(host)]:\(port)")
        }
        self.init(host: String(host), port: Int(port))
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// How one member of a session connects to the others over TCP.
package struct TCPConfiguration: Sendable {
    /// The session's name, the same for all members.
    package var session: String
    /// How many parties; the dealer comes on top.
    package var partyCount: Int
    /// Whether there is a dealer.
    package var hasDealer = true
    /// What else must be the same everywhere, such as the number of fraction bits; compared as it is.
    package var parameters = ""
    /// Where this member listens; not needed by the last party, which nobody calls.
    package var listen: TCPAddress?
    /// Where the others listen: party i calls the dealer and all parties before it.
    package var peers: [Role: TCPAddress]
    /// What all members were given before they meet; who doesn't have it can't be one of them.
    package var preSharedSecret: HandshakeSecret?
    /// Who this member is, and by what it knows the others: then all connections are TLS, and only they are let in.
    package var membership: Membership?
    /// Accept, without a ``membership``, that members are on a network where nobody's identity is checked.
    package var insecurePlaintext = false
    /// Gets the header and the payload of each frame before it is sealed.
    package typealias PlaintextObserver = @Sendable (FrameHeader, ByteBuffer) -> Void
    /// Told of everything that is sent, before it is sealed: for tests of what is sent at all.
    package var insecurePlaintextObserver: PlaintextObserver?
    /// How often a silent member shows that it lives: often enough for peers of any ``silenceLimit``, which needn't be equal.
    package var heartbeatInterval = Duration.milliseconds(250)
    /// How long a peer may be silent.
    package var silenceLimit = TCPConfiguration.usualSilenceLimit
    /// How many bytes may be queued for a peer before ``Transport/send(_:to:deadline:)`` waits.
    package var sendQueueLimit = TCPConfiguration.usualSendQueueLimit
    /// How many unread bytes are taken from a peer while the engine computes.
    package var receiveQueueLimit = 512 << 20
    /// How long ``Transport/close()`` waits until what is queued has gone and the peers have hung up.
    package var closeLimit = Duration.seconds(3)
    /// Where stray connections and retries are noted.
    package var logger = TCPConfiguration.silentLogger

    /// Notes nothing.
    package static let silentLogger = Logger(label: "crypten.transport") { _ in SwiftLogNoOpLogHandler() }

    /// How long a peer may be silent, where nothing else is said.
    package static let usualSilenceLimit = Duration.seconds(10)
    /// The least that a peer may be silent for: four heartbeats.
    package static let leastSilenceLimit = Duration.seconds(1)
    /// How much waits for one peer at most, where nothing else is said.
    package static let usualSendQueueLimit = 64 << 20

    /// A configuration with the usual limits.
    package init(session: String, partyCount: Int, listen: TCPAddress? = nil, peers: [Role: TCPAddress]) {
        self.session = session
        self.partyCount = partyCount
        self.listen = listen
        self.peers = peers
    }
}

extension TCPAddress {
    /// Looks the host up and forgets it: for addresses that this member doesn't call itself.
    ///
    /// - Throws: as ``resolve(insecurePlaintext:membership:)`` does.
    package func checkReach(insecurePlaintext: Bool, membership: Membership?) throws {
        _ = try resolve(insecurePlaintext: insecurePlaintext, membership: membership)
    }

    /// Looks the host up, and refuses what leaves the machine without TLS unless `insecurePlaintext` allows it.
    ///
    /// - Throws: ``CrypTenError`` `.invalidArgument` for a name that nothing is known about, `.insecureTransport` for an
    ///   address that isn't loopback.
    func resolve(insecurePlaintext: Bool, membership: Membership?) throws -> SocketAddress {
        let resolved: SocketAddress
        do {
            resolved = try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw CrypTenError(.invalidArgument, "the host of \(self) can't be found", cause: error)
        }
        guard membership != nil || insecurePlaintext || resolved.isLoopback else {
            throw CrypTenError(
                .insecureTransport,
                "\(self) is not on this machine, and without identities nothing shows who is at the other end of a connection: make "
                    + "one for each member (crypten identity create NAME), read the fingerprints to each other, and give --identity "
                    + "and --peer-identity; or allow it on a network that you trust (--insecure-no-tls)"
            )
        }
        return resolved
    }
}

extension TCPAddress {
    /// The host as TLS says it to whoever answers there: a name, and not a number.
    var serverName: String? {
        let isNumber = (try? SocketAddress(ipAddress: host, port: 1)) != nil
        return isNumber || !(1...255).contains(host.utf8.count) || host.utf8.contains(0) ? nil : host
    }

    /// The same, as a configuration has it.
    func resolve(_ configuration: TCPConfiguration) throws -> SocketAddress {
        try resolve(insecurePlaintext: configuration.insecurePlaintext, membership: configuration.membership)
    }
}

extension SocketAddress {
    /// Whether packets to this address stay on the machine.
    var isLoopback: Bool {
        switch self {
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1" || (ipAddress?.hasPrefix("::ffff:127.") ?? false)
        case .unixDomainSocket: true
        }
    }
}
