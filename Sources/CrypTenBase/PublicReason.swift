/// What a member may tell the others about a failure: an entry of a fixed table, whose sentences hold nothing of anybody's data.
///
/// An error's message names values, indices, files and texts of a caller's, for whoever has these. The others get the number of
/// one of these sentences, and with it a member's number at most; what they read is made of their own copy of the table.
package enum PublicReason: UInt8, Sendable, CaseIterable {
    /// Whatever has no sentence of its own.
    case unnamed = 0
    case input = 1
    case model = 2
    case shapes = 3
    case argument = 4
    case range = 5
    case unsupportedOperator = 6
    case malformedFile = 7
    case unreadableFile = 8
    case busy = 9
    case closed = 10
    case lost = 11
    case silent = 12
    case missing = 13
    case late = 14
    case malformedFrame = 15
    case anotherProgram = 16
    case left = 17
    case anotherVersion = 18
    case anotherPartyCount = 19
    case anotherConfiguration = 20
    case anotherSecret = 21
    case reused = 22
    case cancelled = 23
    case addressInUse = 24
    case insecureTransport = 25
    case gaveUp = 26
    case anotherSession = 27
    case numberTaken = 28
    case crowded = 29
    case ended = 30
    case identity = 31
    case device = 32

    /// The reason that an error's code alone tells.
    package init(_ code: CrypTenError.Code) {
        self =
            switch code {
            case .shapeMismatch: .shapes
            case .invalidArgument, .noGradient: .argument
            case .outOfRange: .range
            case .unsupportedOperator: .unsupportedOperator
            case .malformedFile: .malformedFile
            case .fileNotReadable: .unreadableFile
            case .sessionBusy: .busy
            case .sessionClosed: .closed
            case .peerLost: .lost
            case .timedOut: .late
            case .malformedFrame: .malformedFrame
            case .diverged: .anotherProgram
            case .wordReused: .reused
            case .cancelled: .cancelled
            case .addressInUse: .addressInUse
            case .insecureTransport: .insecureTransport
            case .partyFailed: .unnamed
            case .wrongSession: .anotherSession
            case .identityRefused: .identity
            case .deviceUnavailable, .notEnoughDeviceMemory, .deviceFailed: .device
            default: .unnamed
            }
    }

    /// The sentence that others read, after a member's name.
    ///
    /// - Parameter subject: The member that it is about, where it is about one.
    package func sentence(about subject: Role?) -> String {
        let member = subject.map { "\($0)" } ?? "another member"
        return switch self {
        case .unnamed: "for a reason of its own; what it prints says which"
        case .input: "an input of its can't be used; its owner knows why"
        case .model: "its model can't be used; its owner knows why"
        case .shapes: "shapes don't fit an operation; what it prints says which"
        case .argument: "an argument can't be used; what it prints says which"
        case .range: "a number doesn't fit the fixed point; its owner knows which"
        case .unsupportedOperator:
            "a model has an operator that can't be computed on secrets; what it prints says which"
        case .malformedFile: "a file isn't what it should be; what it prints says which"
        case .unreadableFile: "a file can't be read or written; what it prints says which"
        case .busy: "a second call came while one was under way"
        case .closed: "it has closed the session"
        case .lost: "the connection to \(member) ended; its process has ended, or the network in between has failed"
        case .silent: "\(member) was silent for too long; it is stopped, or can't be reached"
        case .missing: "not all members of the session came in time"
        case .late: "\(member) didn't do in time what was due"
        case .malformedFrame: "what came from \(member) is no frame that is due, or was damaged on the way"
        case .anotherProgram:
            "\(member) runs another program, plan, model or version, or reads other inputs; run the same everywhere"
        case .left: "\(member) closed the session while others went on; all must run the same program"
        case .anotherVersion:
            "it and \(member) speak different versions of the protocol; install the same release everywhere"
        case .anotherPartyCount: "it and \(member) count different numbers of parties"
        case .anotherConfiguration:
            "it and \(member) run with different fraction bits, slab bits or heights of transfer trees, or one of them without a dealer; all must have the same"
        case .anotherSecret:
            "it and \(member) don't have the same pre-shared secret; give all members the same, or none"
        case .reused: "a random word was to be used a second time"
        case .cancelled: "cancelled by its caller"
        case .addressInUse: "its address is taken"
        case .insecureTransport: "an unprotected connection to another machine was refused"
        case .gaveUp: "\(member) gave up"
        case .anotherSession:
            "it and \(member) belong to different sessions, or one has a wrong address; start all with the same session name"
        case .numberTaken: "another member has the same number; each can be used once"
        case .crowded: "it takes no more calls"
        case .ended: "its process was told to end"
        case .device: "the device that it computes on failed, or has no room; what it prints says which"
        case .identity: "it and \(member) don't agree who they are; what they print says which certificate isn't taken"
        }
    }
}

/// What others are told about an error.
package struct Disclosure: Hashable, Sendable {
    package var reason: PublicReason
    /// The member that the reason is about, where it is about one.
    package var subject: Role?
    /// Who was the first to give up, where somebody else has told it; nil where the error is this member's own.
    package var origin: Role?

    package init(_ reason: PublicReason, about subject: Role? = nil, from origin: Role? = nil) {
        self.reason = reason
        self.subject = subject
        self.origin = origin
    }
}
