import CrypTenBase
import CrypTenTransport

/// What can happen to one frame on its way, or to the connection when its turn comes.
enum WireFault: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    // The connection is closed.
    case cutBefore, cutWithin
    // A bit is changed; named by the field that it is in.
    case flipMagic, flipVersion, flipKind, flipSender, flipRecipient, flipLength, flipLongLength, flipEpoch, flipRound
    case flipBinding, flipRun, flipSequence, flipTag, flipPayload
    /// Half of the announced length.
    case shorter
    /// Some thousand bytes more are announced than come.
    case longer
    /// More than any frame may have.
    case absurdLength
    /// The last byte is missing.
    case truncate
    // The order is changed.
    case drop, duplicate, swap
    /// The frame before this one comes again first.
    case replay
    /// The first frame of the connection comes again first.
    case replayFirst
    /// It comes late, and so does all that follows.
    case delay
    /// Nothing more comes in this direction, though everything is taken: half open.
    case silence
    /// Nothing more is taken in this direction.
    case stall
    /// Nothing more comes in either direction.
    case freeze

    var description: String { rawValue }

    /// Whether nothing is wrong but the time.
    var isHarmless: Bool { self == .delay }

    /// With which codes a member may end, when frames go both ways already.
    ///
    /// `.partyFailed` is what the others say whom a member tells, and `.peerLost` what those say who hear nothing but the end.
    var codes: Set<CrypTenError.Code> {
        switch self {
        case .delay: []
        case .cutBefore, .cutWithin: [.peerLost, .partyFailed]
        case .silence, .stall, .freeze: [.timedOut, .partyFailed, .peerLost]
        // The version is looked at before the tag: versions must be able to tell one another apart.
        case .flipVersion: [.diverged, .partyFailed, .peerLost]
        // What follows is taken for the frame's rest: it ends with a wrong tag, or never.
        case .flipLength, .flipLongLength, .longer, .truncate, .shorter:
            [.malformedFrame, .timedOut, .partyFailed, .peerLost]
        // Found with the next frame, or where there is none, at the end of the connection.
        case .drop, .swap: [.malformedFrame, .partyFailed, .peerLost]
        case .flipMagic, .flipKind, .flipSender, .flipRecipient, .flipEpoch, .flipRound, .flipBinding, .flipRun,
            .flipSequence, .flipTag, .flipPayload, .absurdLength, .duplicate, .replay, .replayFirst:
            [.malformedFrame, .partyFailed, .peerLost]
        }
    }

    /// The same of a hello: a member that never gets an answer ends when it has waited for long enough, and what a hello says is
    /// looked at before its tag, for which the key comes from it.
    var codesInHandshake: Set<CrypTenError.Code> {
        isHarmless ? [] : codes.union([.malformedFrame, .timedOut, .wrongSession, .diverged])
    }

    /// Where in a frame a bit is flipped: the byte, and the bit.
    private var flipped: (byte: Int, bit: UInt8)? {
        switch self {
        case .flipMagic: (0, 4)
        case .flipVersion: (4, 4)
        case .flipKind: (6, 4)
        case .flipSender: (8, 4)
        case .flipRecipient: (10, 4)
        case .flipLength: (12, 4)
        // A mebibyte more or less.
        case .flipLongLength: (14, 16)
        case .flipEpoch: (16, 4)
        case .flipRound: (20, 4)
        case .flipBinding: (24, 4)
        case .flipRun: (32, 4)
        case .flipSequence: (40, 4)
        case .flipTag: (48, 4)
        case .flipPayload: (FrameHeader.size, 4)
        default: nil
        }
    }

    /// Whether it can happen to a frame of so many payload bytes at this position.
    func applies(to frame: Int, payload: Int) -> Bool {
        switch self {
        case .flipPayload, .shorter: payload > 0
        case .replay: frame > 0
        case .replayFirst: frame > 1
        default: true
        }
    }

    /// The frame's bytes as they arrive, for a fault that changes them; nil for one that doesn't.
    func changed(_ frame: [UInt8]) -> [UInt8]? {
        var frame = frame
        let length = frame[12..<16].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        switch self {
        case .shorter: frame.setLength(length / 2)
        case .longer: frame.setLength(length + 4000)
        case .absurdLength: frame.setLength(.max)
        case .truncate: frame.removeLast()
        default:
            guard let (byte, bit) = flipped, byte < frame.count else { return nil }
            frame[byte] ^= bit
        }
        return frame
    }
}

extension [UInt8] {
    fileprivate mutating func setLength(_ length: UInt32) {
        for byte in 0..<4 { self[12 + byte] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(byte))) }
    }
}
