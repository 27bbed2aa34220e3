import CrypTenBase
import CrypTenTransport
import Crypto
import NIOCore
import Testing

/// Both ends of one conversation, without a wire.
private struct Ends {
    var caller: ConnectionStateMachine
    var answerer: ConnectionStateMachine
    var callerIdentity: SessionIdentity
    var sequences: [UInt64] = [0, 0]
    var keys: [FrameKeyChain?] = [nil, nil]

    /// Party 1 calls party 0.
    init(
        caller: (Int, Int, String, String) = (1, 2, "s", "p"),
        answerer: (Int, Int, String, String) = (0, 2, "s", "p"),
        secrets: (String?, String?) = (nil, nil)
    ) throws {
        func secret(_ text: String?) -> HandshakeSecret? {
            text.flatMap { HandshakeSecret(Array(String(repeating: $0, count: 32).utf8)) }
        }
        callerIdentity = try SessionIdentity(
            role: .party(PartyID(caller.0)),
            partyCount: caller.1,
            session: caller.2,
            parameters: caller.3,
            preSharedSecret: secret(secrets.0)
        )
        self.caller = ConnectionStateMachine(callerIdentity, calling: .party(PartyID(0)))
        self.answerer = ConnectionStateMachine(
            try SessionIdentity(
                role: .party(PartyID(answerer.0)),
                partyCount: answerer.1,
                session: answerer.2,
                parameters: answerer.3,
                preSharedSecret: secret(secrets.1)
            ),
            calling: nil
        )
    }

    /// A frame of the caller's as it arrives.
    mutating func fromCaller(_ frame: Frame, change: (inout FrameHeader) -> Void = { _ in }) -> FrameAssembler.RawFrame
    {
        raw(frame, end: 0, from: callerIdentity.role.wireNumber, to: 0, change)
    }

    /// A frame of the answerer's as it arrives.
    mutating func fromAnswerer(
        _ frame: Frame,
        change: (inout FrameHeader) -> Void = { _ in }
    ) -> FrameAssembler.RawFrame {
        raw(frame, end: 1, from: 0, to: callerIdentity.role.wireNumber, change)
    }

    private mutating func raw(
        _ frame: Frame,
        end: Int,
        from: UInt16,
        to: UInt16,
        _ change: (inout FrameHeader) -> Void
    ) -> FrameAssembler.RawFrame {
        var header = FrameHeader(
            frame,
            from: from,
            to: to,
            epoch: keys[end]?.epoch ?? 0,
            sequence: sequences[end]
        )
        sequences[end] += 1
        change(&header)
        return sealed(header, frame.payload, keys[end]?.cipher ?? .unkeyed)
    }

    /// The caller's hello, and what the answerer makes of it.
    mutating func hello(change: (inout FrameHeader) -> Void = { _ in }) -> ConnectionStateMachine.Action {
        guard case .send(let hello) = caller.connected() else { return .wait }
        return answerer.received(fromCaller(hello, change: change))
    }

    /// The whole handshake; returns both ends' secrets.
    mutating func open() throws -> (ConnectionSecret, ConnectionSecret) {
        guard case .introduced = hello(), case .open(let peer, let theirs, let answer?) = answerer.admit() else {
            throw CrypTenError(.diverged, "the answerer doesn't open")
        }
        keys[1] = theirs.frames(from: .party(PartyID(0)), to: peer)
        guard case .open(_, let ours, nil) = caller.received(fromAnswerer(answer)) else {
            throw CrypTenError(.diverged, "the caller doesn't open")
        }
        keys[0] = ours.frames(from: peer, to: .party(PartyID(0)))
        return (ours, theirs)
    }
}

/// A frame as it arrives.
private func sealed(_ header: FrameHeader, _ payload: ByteBuffer, _ cipher: FrameCipher) -> FrameAssembler.RawFrame {
    var room = ByteBuffer()
    let sealed = cipher.seal(header, payload, in: &room)
    var tag = sealed.header
    tag.moveReaderIndex(forwardBy: 48)
    guard let (low, high) = tag.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64).self) else {
        preconditionFailure("a header ends with a tag")
    }
    return .init(header: header, tag: FrameTag(low: low, high: high), payload: sealed.payload)
}

extension ConnectionStateMachine {
    /// A frame that nobody looks at afterwards.
    fileprivate mutating func received(_ raw: FrameAssembler.RawFrame) -> Action {
        var raw = raw
        return received(&raw)
    }
}

extension ConnectionStateMachine.Action {
    /// The error and the last frame of a failure.
    fileprivate var failure: (code: CrypTenError.Code, message: String, last: Frame?)? {
        switch self {
        case .fail(let error, let last): (error.code, error.message, last)
        default: nil
        }
    }
}

@Suite struct ConnectionStateMachineTests {
    @Test("both ends hold the same fresh secret, and each direction its own key") func handshake() throws {
        var first = try Ends()
        let (ours, theirs) = try first.open()
        let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
        func keys(_ secret: ConnectionSecret) -> [SymmetricKey] {
            [
                secret.secrets.derive("x"), derived(secret.frames(from: zero, to: one)),
                derived(secret.frames(from: one, to: zero)),
            ]
        }
        #expect(keys(ours) == keys(theirs))
        var second = try Ends()
        #expect(Set((keys(ours) + keys(try second.open().0)).map(\.hexadecimal)).count == 6)
    }

    /// What the pad of a frame of zeros shows of a direction's keys.
    private func derived(_ chain: FrameKeyChain) -> SymmetricKey {
        let frame = Frame(.control, payload: ByteBuffer(repeating: 0, count: 32))
        let header = FrameHeader(frame, from: 0, to: 1, epoch: 0, sequence: 0)
        return SymmetricKey(data: Array(sealed(header, frame.payload, chain.cipher).payload.readableBytesView))
    }

    @Test("a caller that doesn't fit is refused by name, and told the name") func refusals() throws {
        let cases: [(Ends, CrypTenError.Code, String, String)] = [
            (try Ends(caller: (1, 2, "other", "p")), .wrongSession, "different sessions", "different sessions"),
            (try Ends(caller: (0, 2, "s", "p")), .wrongSession, "two members", "same number"),
            (try Ends(caller: (1, 3, "s", "p")), .diverged, "counts 3 parties, party 0 counts 2", "numbers of parties"),
            (
                try Ends(caller: (1, 2, "s", "16 bits")), .diverged, "doesn't run with what party 0 runs with, \"p\"",
                "different fraction bits"
            ),
            (try Ends(answerer: (1, 2, "s", "p")), .wrongSession, "two members", "same number"),
            (
                try Ends(secrets: ("a", nil)), .diverged, "party 1 has a pre-shared secret, and party 0 has none",
                "pre-shared"
            ),
            (
                try Ends(secrets: (nil, "a")), .diverged, "party 0 has a pre-shared secret, and party 1 has none",
                "pre-shared"
            ),
        ]
        for (ends, code, text, toldText) in cases {
            var ends = ends
            let failure = try #require(ends.hello().failure)
            #expect(failure.code == code)
            #expect(failure.message.contains(text))
            let told = ends.caller.received(ends.fromAnswerer(try #require(failure.last))).failure
            #expect(told?.code == code)
            #expect(told?.message.contains(toldText) == true, "\(told?.message ?? "")")
            #expect(told?.last == nil)
        }
    }

    @Test("another version, a number out of range and a wrong recipient are named") func headers() throws {
        var version = try Ends()
        #expect(version.hello { $0.version += 1 }.failure?.code == .diverged)
        var range = try Ends()
        #expect(range.hello { $0.sender = 7 }.failure?.code == .wrongSession)
        var recipient = try Ends()
        #expect(recipient.hello { $0.recipient = 65535 }.failure?.code == .wrongSession)
    }

    @Test("a number that is taken is refused with the driver's reason") func taken() throws {
        var ends = try Ends()
        guard case .introduced(let role) = ends.hello() else {
            Issue.record("no introduction")
            return
        }
        #expect(role == .party(PartyID(1)))
        let failure = ends.answerer.refuse(CrypTenError(.wrongSession, "taken")).failure
        #expect(failure?.code == .wrongSession)
        #expect(ends.caller.received(ends.fromAnswerer(try #require(failure?.last))).failure?.code == .wrongSession)
    }

    @Test("a stranger's bytes are no failure of the session") func strangers() throws {
        var damaged = try Ends()
        guard case .send(let hello) = damaged.caller.connected() else { return }
        var raw = damaged.fromCaller(hello)
        raw.tag.low ^= 1
        guard case .turnAway(let error, _?) = damaged.answerer.received(raw) else {
            Issue.record("not turned away")
            return
        }
        #expect(error.code == .malformedFrame)
        var silent = try Ends()
        guard case .close = silent.answerer.disconnected(betweenFrames: true) else {
            Issue.record("not closed")
            return
        }
    }

    @Test("replayed, skipped, damaged and misdirected frames end the session by name") func hostileFrames() throws {
        let changes: [(inout FrameHeader) -> Void] = [
            { $0.sequence -= 1 }, { $0.sequence += 1 }, { $0.sender = 5 }, { $0.recipient = 5 }, { $0.epoch ^= 1 },
            { $0.epoch = .max },
            { $0.kind = 99 }, { $0.kind = Frame.Kind.hello.rawValue },
        ]
        for change in changes {
            var ends = try Ends()
            _ = try ends.open()
            let failure = ends.answerer.received(ends.fromCaller(Frame(.opening), change: change)).failure
            #expect(failure?.code == .malformedFrame)
            #expect(failure?.last?.kind == .abort)
        }
        var ends = try Ends()
        _ = try ends.open()
        var raw = ends.fromCaller(Frame(.opening, payload: bytes("abc")))
        raw.payload = bytes("abd")
        #expect(ends.answerer.received(raw).failure?.code == .malformedFrame)
    }

    @Test("frames are delivered as they were sent, heartbeats aren't") func delivery() throws {
        var ends = try Ends()
        _ = try ends.open()
        let frame = Frame(.opening, binding: 3, run: 4, round: 5, payload: bytes("x"))
        guard case .deliver(let received) = ends.answerer.received(ends.fromCaller(frame)) else {
            Issue.record("not delivered")
            return
        }
        #expect(received.kind == .opening && received.binding == 3 && received.run == 4 && received.round == 5)
        #expect(received.payload == bytes("x"))
        guard case .wait = ends.answerer.received(ends.fromCaller(Frame(.heartbeat))) else {
            Issue.record("a heartbeat was delivered")
            return
        }
    }

    @Test("goodbye, abort and hanging up end it, each in its way") func endings() throws {
        var goodbye = try Ends()
        _ = try goodbye.open()
        guard case .leave(let last) = goodbye.caller.end(nil) else {
            Issue.record("no goodbye")
            return
        }
        #expect(last.kind == .goodbye)
        guard case .peerLeft = goodbye.answerer.received(goodbye.fromCaller(last)) else {
            Issue.record("stays")
            return
        }
        guard case .close = goodbye.caller.disconnected(betweenFrames: true) else {
            Issue.record("not closed")
            return
        }

        var abort = try Ends()
        _ = try abort.open()
        guard case .leave(let reason) = abort.caller.end(CrypTenError(.outOfRange, "too large")) else { return }
        let failure = abort.answerer.received(abort.fromCaller(reason)).failure
        #expect(failure?.code == .partyFailed)
        #expect(failure?.message == "party 1 gave up: a number doesn't fit the fixed point; its owner knows which")

        var lost = try Ends()
        _ = try lost.open()
        let loss = lost.answerer.disconnected(betweenFrames: false).failure
        #expect(loss?.code == .peerLost)
        #expect(loss?.message.contains("middle of a frame") == true)
    }

    @Test("a caller that gives up before it has a key can still say why") func earlyAbort() throws {
        var ends = try Ends()
        guard case .introduced = ends.hello(), case .open = ends.answerer.admit() else {
            Issue.record("closed")
            return
        }
        guard case .leave(let reason) = ends.caller.end(CrypTenError(.timedOut, "too late")) else { return }
        #expect(
            ends.answerer.received(ends.fromCaller(reason)).failure?.message
                == "party 1 gave up: another member didn't do in time what was due"
        )
    }

    @Test("silence is answered with heartbeats, then with an error; being asleep oneself is not") func liveness() throws
    {
        let start = ContinuousClock.now
        var ends = try Ends()
        _ = try ends.open()
        ends.answerer.heard(64, ending: 1, at: start)
        for second in stride(from: 2, through: 10, by: 2) {
            let action = ends.answerer.tick(at: start + .seconds(second), isQuiet: second != 4, isReading: true)
            switch action {
            case .send(let frame): #expect(frame.kind == .heartbeat && second != 4)
            case .wait: #expect(second == 4)
            default: Issue.record("\(action) after \(second) s")
            }
        }
        var asleep = ends
        let failure = ends.answerer.tick(at: start + .seconds(12), isQuiet: true, isReading: true).failure
        #expect(failure?.code == .timedOut)
        #expect(asleep.answerer.tick(at: start + .seconds(100), isQuiet: true, isReading: true).failure == nil)
        #expect(asleep.answerer.tick(at: start + .seconds(102), isQuiet: true, isReading: true).failure == nil)
    }

    @Test("a long frame is life while it gets on; heartbeats that it swallows are none") func progress() throws {
        let start = ContinuousClock.now
        var swallowing = try Ends()
        _ = try swallowing.open()
        swallowing.answerer.heard(64, ending: 1, at: start)
        var getsOn = swallowing
        var failed: Int?
        for quarter in 1...60 where failed == nil {
            let now = start + .milliseconds(250 * quarter)
            swallowing.answerer.heard(64, ending: 0, at: now)
            let failure = swallowing.answerer.tick(at: now, isQuiet: false, isReading: true).failure
            if failure?.code == .timedOut { failed = quarter }
        }
        #expect(failed == 41, "as if nothing had come")
        for quarter in 1...200 {
            let now = start + .milliseconds(250 * quarter)
            getsOn.answerer.heard(600, ending: 0, at: now)
            #expect(getsOn.answerer.tick(at: now, isQuiet: false, isReading: true).failure == nil)
        }
    }

    @Test("whoever passes on why another gave up tells the first cause") func relayedAbort() throws {
        var error = CrypTenError(.shapeMismatch, "[2] and [3]")
        for (index, sender) in [Role.party(PartyID(1)), .dealer, .party(PartyID(0))].enumerated() {
            error = AbortMessage(decoding: AbortMessage(error).encoded).error(from: sender, inHandshake: index == 2)
            #expect(error.code == .partyFailed)
            #expect(error.message == "party 1 gave up: shapes don't fit an operation; what it prints says which")
            #expect((error.cause as? CrypTenError)?.code == .shapeMismatch)
        }
        let refused = AbortMessage(CrypTenError(.diverged, "16 bits")).error(from: .dealer, inHandshake: true)
        #expect(
            refused.code == .diverged
                && refused.message.hasPrefix("the dealer refused the connection: another member runs")
        )
    }

    @Test("a public key of low order is refused: the secret would be everybody's", arguments: lowOrderPoints)
    func lowOrder(point: [UInt8]) throws {
        for isCaller in [true, false] {
            let role = Role.party(PartyID(isCaller ? 1 : 0))
            let peer = Role.party(PartyID(isCaller ? 0 : 1))
            let identity = try SessionIdentity(role: role, partyCount: 2, session: "s", parameters: "p")
            let handshake = Handshake(identity)
            var hello = handshake.hello
            hello.publicKey = point
            do {
                _ = try handshake.secret(with: peer, hello)
                Issue.record("a secret with \(point)")
            } catch let error as CrypTenError {
                #expect(error.code == .malformedFrame)
            }
        }
    }

    /// How two ends make a secret: of what one of them has said, with a private key behind it or another one, and of what it hears.
    private typealias Agreement = (_ mine: Handshake, _ peer: Role, _ theirs: Hello) throws -> SymmetricKey

    /// Whether somebody who has heard both hellos, and has neither private key, gets the secret.
    private func isOnTheWire(_ agree: Agreement) throws -> Bool {
        let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
        let identities = try [zero, one].map {
            try SessionIdentity(role: $0, partyCount: 2, session: "s", parameters: "p")
        }
        let ends = identities.map(Handshake.init)
        let secret = try agree(ends[0], one, ends[1].hello)
        #expect(try agree(ends[1], zero, ends[0].hello) == secret, "both ends have the same")
        let listening = try [
            agree(Handshake(identities[0], insecurelyRepeating: ends[0].hello), one, ends[1].hello),
            agree(Handshake(identities[1], insecurelyRepeating: ends[1].hello), zero, ends[0].hello),
        ]
        return listening.contains(secret)
    }

    @Test("nothing that goes over the wire determines the secret, and secrets that it determines are caught")
    func eavesdropper() throws {
        #expect(try !isOnTheWire { mine, peer, theirs in try mine.secret(with: peer, theirs).secrets.derive("x") })
        /// The parts of both hellos in the same order at both ends.
        func both(_ mine: Hello, _ theirs: Hello, _ part: (Hello) -> [UInt8]) -> SymmetricKey {
            let parts = [part(mine), part(theirs)].sorted { $0.lexicographicallyPrecedes($1) }
            return HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: parts[0] + parts[1]),
                outputByteCount: 32
            )
        }
        let mutants: [(String, Agreement)] = [
            ("of the nonces alone", { mine, _, theirs in both(mine.hello, theirs) { $0.nonce } }),
            ("of the public keys alone", { mine, _, theirs in both(mine.hello, theirs) { $0.publicKey } }),
            ("of the session's name alone", { mine, _, theirs in both(mine.hello, theirs) { $0.sessionHash } }),
            ("a constant", { _, _, _ in SymmetricKey(data: [UInt8](repeating: 7, count: 32)) }),
        ]
        for (name, mutant) in mutants {
            for _ in 0..<20 { #expect(try isOnTheWire(mutant), "\(name)") }
            print("mutant caught 20 of 20: a handshake's secret \(name), by \(#function)")
        }
        for _ in 0..<200 {
            #expect(try !isOnTheWire { mine, peer, theirs in try mine.secret(with: peer, theirs).secrets.derive("x") })
        }
    }

    @Test("members with the same pre-shared secret meet, those with different ones don't") func preSharedSecrets()
        throws
    {
        var same = try Ends(secrets: ("a", "a"))
        let (ours, theirs) = try same.open()
        #expect(ours.secrets.derive("x") == theirs.secrets.derive("x"))
        var different = try Ends(secrets: ("a", "b"))
        guard case .introduced = different.hello(),
            case .open(let peer, let secret, let answer?) = different.answerer.admit()
        else {
            Issue.record("no answer")
            return
        }
        different.keys[1] = secret.frames(from: .party(PartyID(0)), to: peer)
        let failure = different.caller.received(different.fromAnswerer(answer)).failure
        #expect(failure?.code == .malformedFrame)
        #expect(failure?.message.contains("pre-shared secret is another") == true)
        #expect(HandshakeSecret(Array("fifteen bytes..".utf8)) == nil)
        #expect("\(try #require(HandshakeSecret(Array("sixteen bytes...".utf8))))" == "a pre-shared secret")
    }

    @Test("a receiver follows keys that move forward, and a frame under older ones is refused") func movingKeys() throws
    {
        var ends = try Ends()
        _ = try ends.open()
        let frame = Frame(.opening, run: 1, payload: bytes("of run 1"))
        let old = ends.keys[0]
        for stride in [1, 1, 1000] {
            for _ in 0..<stride { ends.keys[0]?.moveForward() }
            guard case .deliver(let received) = ends.answerer.received(ends.fromCaller(frame)) else {
                Issue.record("not delivered after \(stride) steps")
                return
            }
            #expect(received.payload == bytes("of run 1"))
        }
        ends.keys[0] = old
        #expect(ends.answerer.received(ends.fromCaller(frame)).failure?.code == .malformedFrame)
    }

    @Test("after the end nothing happens any more") func afterwards() throws {
        var ends = try Ends()
        _ = try ends.open()
        _ = ends.answerer.end(nil)
        guard case .wait = ends.answerer.received(ends.fromCaller(Frame(.opening))) else {
            Issue.record("lives")
            return
        }
        guard case .wait = ends.answerer.end(nil) else {
            Issue.record("says goodbye twice")
            return
        }
        guard case .wait = ends.answerer.tick(at: .now + .seconds(99), isQuiet: true, isReading: true) else {
            Issue.record("sends a heartbeat")
            return
        }
    }
}

/// Points of X25519 whose multiples are zero: those of RFC 7748 and of libsodium's list, and the same with the top bit set, which is
/// ignored.
private let lowOrderPoints: [[UInt8]] = {
    func point(_ text: String) -> [UInt8] {
        stride(from: 0, to: 64, by: 2).map { start in
            let digits = text.dropFirst(start).prefix(2)
            return UInt8(digits, radix: 16) ?? 0
        }
    }
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ].map(point)
    return points + points.map { $0.dropLast() + [$0[31] | 0x80] }
}()

extension SymmetricKey {
    fileprivate var hexadecimal: String {
        withUnsafeBytes { $0.map { String($0, radix: 16) }.joined(separator: ",") }
    }
}
