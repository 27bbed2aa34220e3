package import CrypTenBase

/// How many bytes of corrections may be on their way: the dealer's account of what it has sent and what was granted back.
///
/// The window is a run's: what the receiver didn't grant by the end of one comes too late to be of use, but must still be no
/// more than what was sent. A value without I/O: ``CorrectionStream`` sends and receives.
package struct CreditAccount: Sendable {
    /// How many bytes of one run may be on their way or wait at the receiver.
    package let window: Int
    /// The run that is dealt, or was dealt last.
    package private(set) var run: UInt64 = 0
    /// Bytes of it that were sent and not granted back.
    private var outstanding = 0
    /// Bytes of earlier runs that were sent and never granted back.
    private var unsettled = 0

    /// An account of a session that begins.
    package init(window: Int) {
        self.window = window
    }

    /// A run begins, with an empty window.
    package mutating func begin(run: UInt64) {
        let (sum, overflow) = unsettled.addingReportingOverflow(outstanding)
        unsettled = overflow ? .max : sum
        outstanding = 0
        self.run = run
    }

    /// Whether so many bytes may be sent without waiting for credit.
    package func hasRoom(for bytes: Int) -> Bool {
        outstanding + bytes <= window
    }

    /// Bytes of the run were sent.
    package mutating func sent(_ bytes: Int) {
        outstanding += bytes
    }

    /// The receiver has given back what it was sent.
    ///
    /// - Throws: `.malformedFrame` for more than it was sent, `.diverged` for a run that hasn't begun.
    package mutating func granted(_ bytes: UInt64, run: UInt64, by receiver: Role) throws {
        guard run <= self.run else {
            throw CrypTenError(.diverged, "\(receiver) is in run \(run), the dealer in run \(self.run)")
                .telling(.anotherProgram, about: receiver)
        }
        let open = run == self.run ? outstanding : unsettled
        guard bytes <= UInt64(open) else {
            throw CrypTenError(.malformedFrame, "\(receiver) granted credit for more than it was sent")
                .telling(.malformedFrame, about: receiver)
        }
        if run == self.run {
            outstanding -= Int(bytes)
        } else {
            unsettled -= Int(bytes)
        }
    }
}
