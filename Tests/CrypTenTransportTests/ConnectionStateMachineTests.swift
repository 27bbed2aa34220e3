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
    var keys: [FrameAuthenticator] = [.unkeyed, .unkeyed]

    /// Party 1 calls party 0.
    init(
        caller: (Int, Int, String, String) = (1, 2, "s", "p"),
        answerer: (Int, Int, String, String) = (0, 2, "s", "p")
    ) throws {
        callerIdentity = try SessionIdentity(
            role: .party(PartyID(caller.0)),
            partyCount: caller.1,
            session: caller.2,
            parameters: caller.3
        )
        self.caller = ConnectionStateMachine(callerIdentity, calling: .party(PartyID(0)))
        self.answerer = ConnectionStateMachine(
            try SessionIdentity(
                role: .party(PartyID(answerer.0)),
                partyCount: answerer.1,
                session: answerer.2,
                parameters: answerer.3
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
            session: callerIdentity.sessionNumber,
            sequence: sequences[end]
        )
        sequences[end] += 1
        change(&header)
        return .init(header: header, tag: keys[end].tag(header, frame.payload), payload: frame.payload)
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
        keys[1] = theirs.authenticator(from: .party(PartyID(0)), to: peer)
        guard case .open(_, let ours, nil) = caller.received(fromAnswerer(answer)) else {
            throw CrypTenError(.diverged, "the caller doesn't open")
        }
        keys[0] = ours.authenticator(from: peer, to: .party(PartyID(0)))
        return (ours, theirs)
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
        #expect(ours.key == theirs.key)
        #expect(ours.key.bitCount == 256)
        var second = try Ends()
        #expect(try second.open().0.key != ours.key)
        let header = FrameHeader(Frame(.control), from: 0, to: 1, session: 0, sequence: 0)
        let (zero, one) = (Role.party(PartyID(0)), Role.party(PartyID(1)))
        #expect(
            ours.authenticator(from: zero, to: one).tag(header, ByteBuffer())
                != ours.authenticator(from: one, to: zero).tag(header, ByteBuffer())
        )
    }

    @Test("a caller that doesn't fit is refused by name, and told the name") func refusals() throws {
        let cases: [(Ends, CrypTenError.Code, String)] = [
            (try Ends(caller: (1, 2, "other", "p")), .wrongSession, "different sessions"),
            (try Ends(caller: (0, 2, "s", "p")), .wrongSession, "two members"),
            (try Ends(caller: (1, 3, "s", "p")), .diverged, "counts 3 parties, party 0 counts 2"),
            (try Ends(caller: (1, 2, "s", "16 bits")), .diverged, "\"16 bits\", party 0 with \"p\""),
            (try Ends(answerer: (1, 2, "s", "p")), .wrongSession, "two members"),
        ]
        for (ends, code, text) in cases {
            var ends = ends
            let failure = try #require(ends.hello().failure)
            #expect(failure.code == code)
            #expect(failure.message.contains(text))
            let told = ends.caller.received(ends.fromAnswerer(try #require(failure.last))).failure
            #expect(told?.code == code)
            #expect(told?.message.contains(text) == true)
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
            { $0.sequence -= 1 }, { $0.sequence += 1 }, { $0.sender = 5 }, { $0.recipient = 5 }, { $0.session ^= 1 },
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
        let frame = Frame(.reveal, binding: 3, run: 4, round: 5, payload: bytes("x"))
        guard case .deliver(let received) = ends.answerer.received(ends.fromCaller(frame)) else {
            Issue.record("not delivered")
            return
        }
        #expect(received.kind == .reveal && received.binding == 3 && received.run == 4 && received.round == 5)
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
        #expect(failure?.message == "party 1 gave up: too large")

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
        #expect(ends.answerer.received(ends.fromCaller(reason)).failure?.message == "party 1 gave up: too late")
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
            #expect(error.message == "party 1 gave up: [2] and [3]")
            #expect((error.cause as? CrypTenError)?.code == .shapeMismatch)
        }
        let refused = AbortMessage(CrypTenError(.diverged, "16 bits")).error(from: .dealer, inHandshake: true)
        #expect(refused.code == .diverged && refused.message == "the dealer refused the connection: 16 bits")
        // What reads like it is not: who passes on says so beside the sentence.
        for text in ["party 1 gave up: x", "the dealer gave up: x", "gave up:", ""] {
            let told = AbortMessage(CrypTenError(.partyFailed, text)).error(from: .dealer, inHandshake: false)
            #expect(told.message == "the dealer gave up: \(text)")
        }
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
