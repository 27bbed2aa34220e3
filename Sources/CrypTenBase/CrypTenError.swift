/// What went wrong: a code to switch on, a message to read, a cause to follow.
///
/// The message is for whoever has what it speaks of: it names shapes, parties, files and the remedy, and at the owner of an input
/// also where in it a number can't be used. It holds no share, mask or seed, and it stays with the member that throws it: others
/// are told the code and a sentence of a fixed table.
public struct CrypTenError: Error, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong; new codes can be added without breaking anyone's `switch`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: UInt8 {
            // Numbers on the wire: new ones go to the end.
            case shapeMismatch, invalidArgument, outOfRange, unsupportedOperator, malformedFile, fileNotReadable
            case sessionBusy, sessionClosed, peerLost, timedOut, malformedFrame, diverged, wordReused, cancelled
            case addressInUse, insecureTransport, partyFailed, wrongSession, noGradient
            case identityRefused
            case deviceUnavailable, notEnoughDeviceMemory, deviceFailed
        }

        private let kind: Kind

        /// The operands' shapes don't fit the operation.
        public static let shapeMismatch = Code(kind: .shapeMismatch)
        /// An argument that the operation can't take.
        public static let invalidArgument = Code(kind: .invalidArgument)
        /// A number that the fixed point can't hold: too large, infinite or not a number.
        public static let outOfRange = Code(kind: .outOfRange)
        /// A model uses an operator, or a form of it, that can't be computed on secrets here.
        public static let unsupportedOperator = Code(kind: .unsupportedOperator)
        /// A file, a plan or a skeleton that isn't what it should be.
        public static let malformedFile = Code(kind: .malformedFile)
        /// A file that is missing or can't be read or written.
        public static let fileNotReadable = Code(kind: .fileNotReadable)
        /// A second run was started while one was under way.
        public static let sessionBusy = Code(kind: .sessionBusy)
        /// The session has ended, by a call of `close` or by an earlier error.
        public static let sessionClosed = Code(kind: .sessionClosed)
        /// A peer's connection has closed.
        public static let peerLost = Code(kind: .peerLost)
        /// A peer was silent for longer than the deadline.
        public static let timedOut = Code(kind: .timedOut)
        /// A peer sent bytes that are no frame, or a frame that doesn't belong here.
        public static let malformedFrame = Code(kind: .malformedFrame)
        /// The parties don't run the same thing: another plan, other bindings, another version.
        public static let diverged = Code(kind: .diverged)
        /// A random word was about to be used a second time.
        public static let wordReused = Code(kind: .wordReused)
        /// The caller cancelled the run.
        public static let cancelled = Code(kind: .cancelled)
        /// The address to listen on is taken.
        public static let addressInUse = Code(kind: .addressInUse)
        /// An unprotected connection to another machine was asked for without saying so.
        public static let insecureTransport = Code(kind: .insecureTransport)
        /// Another party reported an error and gave up.
        public static let partyFailed = Code(kind: .partyFailed)
        /// A connection, a tensor or a file of a session, or of a party, that doesn't belong to this one.
        public static let wrongSession = Code(kind: .wrongSession)

        /// A gradient with respect to a tensor that no path of operations with gradients leads to.
        public static let noGradient = Code(kind: .noGradient)

        /// A member's certificate that another one doesn't take: unknown, expired, revoked, another member's, or none.
        public static let identityRefused = Code(kind: .identityRefused)

        /// This machine has no such device, or no driver that can do what is needed.
        public static let deviceUnavailable = Code(kind: .deviceUnavailable)
        /// The device has no room for a run.
        public static let notEnoughDeviceMemory = Code(kind: .notEnoughDeviceMemory)
        /// A copy or a kernel of a device failed: nothing that it has made is used or sent.
        public static let deviceFailed = Code(kind: .deviceFailed)

        /// The code of a number that a peer sent; nil for one that isn't known here.
        package init?(number: UInt8) {
            guard let kind = Kind(rawValue: number) else { return nil }
            self.kind = kind
        }

        /// The code's number in what is sent to others.
        package var number: UInt8 { kind.rawValue }

        private init(kind: Kind) {
            self.kind = kind
        }

        public var description: String {
            "\(kind)"
        }
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?
    /// What others are told, and all that they are told.
    package var disclosure: Disclosure

    /// Makes an error; `message` says what happened, where, and what to do.
    ///
    /// Others are told the code, and a fixed sentence for it.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.init(code, message, cause: cause, telling: Disclosure(PublicReason(code)))
    }

    /// Makes an error of which others are told more than the code says: a reason from the fixed table, and a member's number.
    package init(_ code: Code, _ message: String, cause: (any Error)? = nil, telling disclosure: Disclosure) {
        self.code = code
        self.message = message
        self.cause = cause
        self.disclosure = disclosure
    }

    /// The same error, of which others are told another reason.
    package func telling(_ reason: PublicReason, about subject: Role? = nil) -> CrypTenError {
        var error = self
        error.disclosure = Disclosure(reason, about: subject)
        return error
    }

    public var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
