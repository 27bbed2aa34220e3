package import CrypTenBase
package import Crypto
import NIOConcurrencyHelpers
import NIOCore

/// One peer's side of the wire, as the endpoint sees it.
protocol Link: Sendable {
    /// Whether a frame can be posted without waiting; if not, the inbox's `roomChanged` is called when that may change.
    var hasRoom: Bool { get }
    /// Whether frames may carry words in place of bytes.
    var handsOver: Bool { get }
    /// What the operating system says it has sent; nil where there is none, or it doesn't say.
    var kernelBytesSent: UInt64? { get }
    /// Takes a frame to be sent after those before it; doesn't wait.
    func post(_ frame: Frame)
    /// What is posted from now on is under the next keys.
    func moveForward()
    /// The keys of what is sent and received, for ``TransportEndpoint/insecureKeyMaterial()``.
    var insecureFrameKeys: (sending: FrameKeyChain?, receiving: FrameKeyChain?) { get }
    /// Ends the conversation, with an error or in good order; doesn't wait.
    func end(_ error: CrypTenError?)
}

/// A member of a session whose connections stand: what both transports have in common.
package final class TransportEndpoint: Transport {
    private let identity: SessionIdentity
    private let inbox: Inbox
    private let traffic: TrafficCounter
    private let links: [Role: any Link]
    /// Until the session has ended, on this side or by an error.
    private let secrets: NIOLockedValueBox<[Role: KeyChain]>
    private let isClosed = NIOLockedValueBox(false)
    /// Waits until the links have ended, and gives up threads.
    private let tearDown: @Sendable () -> Void

    init(
        _ identity: SessionIdentity,
        inbox: Inbox,
        traffic: TrafficCounter,
        links: [Role: any Link],
        secrets: [Role: KeyChain],
        tearDown: @escaping @Sendable () -> Void
    ) {
        self.identity = identity
        self.inbox = inbox
        self.traffic = traffic
        self.links = links
        self.secrets = NIOLockedValueBox(secrets)
        self.tearDown = tearDown
    }

    package var role: Role { identity.role }

    package var partyCount: Int { identity.partyCount }

    package var statistics: TransportStatistics { traffic.snapshot }

    package func handsOver(to peer: Role) -> Bool {
        links[peer]?.handsOver ?? false
    }

    package func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        guard let link = links[peer] else {
            throw CrypTenError(.invalidArgument, "\(peer) isn't another member of this session")
        }
        guard !frame.kind.belongsToTransport else {
            throw CrypTenError(.invalidArgument, "frames of kind \(frame.kind) are the transport's own")
        }
        precondition(
            !frame.carriesWords || link.handsOver,
            "words are handed over where a transport says that they can be"
        )
        guard frame.payloadSize <= Frame.maximumPayload else {
            throw CrypTenError(
                .invalidArgument,
                "a payload of \(frame.payloadSize) bytes; cut it to at most \(Frame.maximumPayload)"
            )
        }
        if link.hasRoom {
            try inbox.check(sendingTo: peer)
        } else {
            try inbox.waitForRoom(to: peer, deadline: deadline) { link.hasRoom }
        }
        link.post(frame)
    }

    package func receive(_ kinds: Set<Frame.Kind>, from peer: Role, deadline: Deadline) throws -> Frame {
        try inbox.receive(kinds, from: peer, deadline: deadline)
    }

    package func receive(_ kinds: Set<Frame.Kind>, fromAnyOf peers: [Role], deadline: Deadline) throws -> Arrival? {
        try inbox.receive(kinds, fromAnyOf: peers, deadline: deadline)
    }

    package func nextSecret(with peer: Role) throws -> SymmetricKey {
        precondition(links[peer] != nil, "\(peer) isn't another member of this session")
        let secret = secrets.withLockedValue { secrets in
            let secret = secrets[peer]?.derive("crypten secret")
            secrets[peer]?.moveForward()
            return secret
        }
        guard let secret else {
            try inbox.check(sendingTo: peer)
            throw CrypTenError(.sessionClosed, "the session is closed")
        }
        return secret
    }

    package func moveForward() {
        for link in links.values { link.moveForward() }
    }

    /// All keys that this end holds for one peer.
    package struct InsecureKeyMaterial: Sendable {
        package var secrets: KeyChain?
        package var sending: FrameKeyChain?
        package var receiving: FrameKeyChain?
    }

    /// What somebody finds who reads this member's memory: for tests of what does not follow from it.
    package func insecureKeyMaterial() -> [Role: InsecureKeyMaterial] {
        let secrets = secrets.withLockedValue { $0 }
        return links.reduce(into: [:]) { found, link in
            let keys = link.value.insecureFrameKeys
            found[link.key] = InsecureKeyMaterial(
                secrets: secrets[link.key],
                sending: keys.sending,
                receiving: keys.receiving
            )
        }
    }

    /// What the operating system counted as sent to each peer, retransmissions left out: an independent check of
    /// ``statistics``. Empty where it doesn't say, as over memory.
    package func kernelBytesSent() -> [Role: UInt64] {
        links.compactMapValues(\.kernelBytesSent)
    }

    package func abort(_ error: CrypTenError) {
        guard !isClosed.withLockedValue({ $0 }) else { return }
        inbox.fail(error)
        secrets.withLockedValue { $0 = [:] }
        for link in links.values {
            link.end(error)
        }
    }

    package func close() {
        let isFirst = isClosed.withLockedValue { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        inbox.fail(CrypTenError(.sessionClosed, "the session is closed"))
        secrets.withLockedValue { $0 = [:] }
        for link in links.values {
            link.end(nil)
        }
        tearDown()
        inbox.removeAll()
    }
}

/// The statistics of one endpoint, counted from several threads.
struct TrafficCounter: Sendable {
    private let box = NIOLockedValueBox(TransportStatistics())

    var snapshot: TransportStatistics {
        box.withLockedValue { $0 }
    }

    func countSent(_ frame: Frame, to peer: Role) {
        box.withLockedValue { $0.countSent(frame.wireSize, meter: frame.meter, to: peer) }
    }

    func countReceived(_ raw: FrameAssembler.RawFrame, from peer: Role) {
        let bytes = FrameHeader.size + Int(raw.header.length)
        let meter = Frame.Kind(rawValue: raw.header.kind)?.usualMeter ?? .control
        box.withLockedValue { $0.countReceived(bytes, meter: meter, from: peer) }
    }
}
