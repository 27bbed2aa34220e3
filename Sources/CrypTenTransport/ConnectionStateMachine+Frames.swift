import CrypTenBase

/// What each state accepts, and with which name it refuses the rest.
extension ConnectionStateMachine {
    /// The first frame from someone who called us.
    mutating func receivedHello(_ raw: FrameAssembler.RawFrame, _ handshake: Handshake) throws -> Action {
        let sender = Role(wireNumber: raw.header.sender)
        try ConnectionStateMachine.checkVersion(raw.header, from: sender, at: identity.role)
        try checkTag(raw, .unkeyed, from: sender)
        try checkSequence(raw.header, from: sender)
        if raw.header.kind == Frame.Kind.abort.rawValue {
            state = .ended
            return .turnAway(AbortMessage(decoding: raw.payload).error(from: sender, inHandshake: true), last: nil)
        }
        guard let sender, raw.header.kind == Frame.Kind.hello.rawValue else {
            throw CrypTenError(.malformedFrame, "a caller began with a frame of kind \(raw.header.kind), not a hello")
        }
        let theirs = try Hello(decoding: raw.payload)
        try identity.check(theirs, from: sender)
        if let certified, certified.role != sender {
            throw CrypTenError(
                .identityRefused,
                "a caller says that it is \(sender), and has shown the certificate of \(certified.role)",
                telling: Disclosure(.identity, about: sender)
            )
        }
        guard raw.header.recipient == identity.role.wireNumber else {
            let wanted = Role(wireNumber: raw.header.recipient).map { "\($0)" } ?? "nobody in particular"
            throw CrypTenError(
                .wrongSession,
                "\(sender) called \(wanted) at this address and reached \(identity.role): check the list of addresses",
                telling: Disclosure(.anotherSession, about: sender)
            )
        }
        state = .introduced(handshake, sender, theirs)
        return .introduced(sender)
    }

    /// The first frame from someone whom we called.
    mutating func receivedAnswer(
        _ raw: FrameAssembler.RawFrame,
        from peer: Role,
        _ handshake: Handshake
    ) throws -> Action {
        try ConnectionStateMachine.checkVersion(raw.header, from: peer, at: identity.role)
        try checkSequence(raw.header, from: peer)
        if raw.header.kind == Frame.Kind.abort.rawValue {
            try checkTag(raw, .unkeyed, from: peer)
            state = .ended
            return .fail(AbortMessage(decoding: raw.payload).error(from: peer, inHandshake: true), last: nil)
        }
        guard raw.header.kind == Frame.Kind.hello.rawValue else {
            throw CrypTenError(.malformedFrame, "\(peer) answered with a frame of kind \(raw.header.kind), not a hello")
        }
        guard raw.header.sender == peer.wireNumber else {
            let answering = Role(wireNumber: raw.header.sender).map { "\($0)" } ?? "someone else"
            throw CrypTenError(.wrongSession, "\(answering) answers at the address of \(peer)")
        }
        let theirs = try Hello(decoding: raw.payload)
        try identity.check(theirs, from: peer)
        let secret = try handshake.secret(with: peer, theirs)
        let keys = secret.frames(from: peer, to: identity.role)
        guard !checksTags || keys.cipher.accepts(raw) else {
            let more = identity.preSharedSecret == nil ? "" : ", or its pre-shared secret is another"
            throw CrypTenError(
                .malformedFrame,
                "\(peer)'s answer was damaged on the way, or isn't from there\(more)",
                telling: Disclosure(identity.preSharedSecret == nil ? .malformedFrame : .anotherSecret, about: peer)
            )
        }
        state = .open(peer, keys)
        return .open(peer, secret, answer: nil)
    }

    /// A frame after the handshake.
    ///
    /// Where frames go without tags, of the machine nothing but its count of frames and its role is read: it's large, and a copy
    /// of it costs more than a frame.
    mutating func receivedFrame(_ raw: inout FrameAssembler.RawFrame, from peer: Role) throws -> Action {
        let header = raw.header
        try ConnectionStateMachine.checkVersion(header, from: peer, at: identity.role)
        if header.kind == Frame.Kind.abort.rawValue, header.sequence == 1, expectedSequence == 1, checksTags,
            FrameCipher.unkeyed.accepts(raw)
        {
            // A caller that gave up before our answer, and with it the key, had reached it.
            state = .ended
            return .fail(AbortMessage(decoding: raw.payload).error(from: peer, inHandshake: false), last: nil)
        }
        if checksTags {
            // The epoch is believed once the tag under its key is right.
            guard case .open(_, let last) = state, let keys = last.moved(to: header.epoch), keys.cipher.open(&raw)
            else { throw damaged(peer) }
            state = .open(peer, keys)
        }
        try checkSequence(header, from: peer)
        guard
            let kind = Frame.Kind(rawValue: header.kind), kind != .hello,
            header.sender == peer.wireNumber, header.recipient == identity.role.wireNumber
        else {
            throw CrypTenError(
                .malformedFrame,
                "\(peer) sent a frame of kind \(header.kind) from \(header.sender) to \(header.recipient), which doesn't belong on "
                    + "this connection",
                telling: Disclosure(.malformedFrame, about: peer)
            )
        }
        switch kind {
        case .heartbeat:
            return .wait
        case .goodbye:
            state = .ended
            return .peerLeft
        case .abort:
            state = .ended
            return .fail(AbortMessage(decoding: raw.payload).error(from: peer, inHandshake: false), last: nil)
        case .hello, .control, .plan, .opening, .preparation, .correction, .credit:
            let frame = Frame(
                kind,
                binding: header.binding,
                run: header.run,
                round: header.round,
                payload: raw.payload
            )
            return .deliver(frame)
        }
    }

    private static func checkVersion(_ header: FrameHeader, from peer: Role?, at role: Role) throws {
        guard header.version == FrameHeader.currentVersion else {
            throw CrypTenError(
                .diverged,
                "\(peer.map { "\($0)" } ?? "a caller") speaks protocol version \(header.version), \(role) version "
                    + "\(FrameHeader.currentVersion): install the same release everywhere",
                telling: Disclosure(.anotherVersion, about: peer)
            )
        }
    }

    private func checkTag(
        _ raw: FrameAssembler.RawFrame,
        _ cipher: FrameCipher,
        from peer: Role?
    ) throws {
        guard !checksTags || cipher.accepts(raw) else { throw damaged(peer) }
    }

    private func damaged(_ peer: Role?) -> CrypTenError {
        let more = identity.preSharedSecret == nil ? "" : ", or its pre-shared secret is another"
        return CrypTenError(
            .malformedFrame,
            "a frame from \(peer.map { "\($0)" } ?? "a caller") was damaged on the way, or isn't from there\(more)",
            telling: Disclosure(.malformedFrame, about: peer)
        )
    }

    /// Checks the number, and counts the frame.
    private mutating func checkSequence(_ header: FrameHeader, from peer: Role?) throws {
        guard header.sequence == expectedSequence else {
            throw CrypTenError(
                .malformedFrame,
                "\(peer.map { "\($0)" } ?? "a caller") sent frame \(header.sequence) where frame \(expectedSequence) was due",
                telling: Disclosure(.malformedFrame, about: peer)
            )
        }
        expectedSequence += 1
    }
}
