import CrypTenBase
import CrypTenSharing

/// A party's refusal, in its own words: the cause of the error that is thrown.
public struct CellRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The party's name.
    public let party: String
    /// The code of the door's table, as `busy` or `budget`; `http` for an answer without one.
    public let code: String
    /// The status of HTTP.
    public let status: Int
    /// The party's sentence, or this client's for an answer without one.
    public let message: String
    /// After how long it is worth asking anew, where the party says so.
    public let retryAfter: Duration?

    /// The code and the status: the sentence stands in the error whose cause this is.
    public var description: String { "\(code), HTTP \(status)" }

    /// What is thrown for it.
    var error: CrypTenError {
        CrypTenError(errorCode, "party \"\(party)\" refused: \(message)", cause: self)
    }

    var doorCode: DoorRefusal.Code? { DoorRefusal.Code(rawValue: code) }

    private var errorCode: CrypTenError.Code {
        switch doorCode {
        case .malformed, .needsShares, .notFound, .tooLarge: .invalidArgument
        case .sharingVersion, .mismatch: .diverged
        case .unauthorized, .forbidden: .identityRefused
        case .tooSlow, .incomplete: .timedOut
        case .epoch, .restarting: .sessionClosed
        case .duplicate: .wordReused
        case .busy, .budget: .sessionBusy
        case nil: .partyFailed
        }
    }
}
