package import NIOCore

/// One message from one member of a session to another.
package struct Frame: Sendable {
    /// What a frame is for; the raw value is the number on the wire.
    package enum Kind: UInt16, Sendable, CaseIterable {
        /// Opens a connection: identity, parameters and key share. Sent by the transport alone.
        case hello = 1
        /// The session's own conversation: input announcements, skeletons, agreement.
        case control = 2
        /// A plan, or the fingerprint of one.
        case plan = 3
        /// Masked values: one party's part of a round, a masked input of its owner's, or shares of a result for whoever may learn it.
        case opening = 4
        /// What parties without a dealer send each other to make correlations.
        case preparation = 5
        /// Correlation words from the dealer.
        case correction = 7
        /// Leave to send more corrections.
        case credit = 8
        /// Ends the session with an error. Sent by the transport alone.
        case abort = 9
        /// Says that the sender is alive. Sent by the transport alone.
        case heartbeat = 10
        /// Ends the session in good order. Sent by the transport alone.
        case goodbye = 11

        /// Whether the transport sends and consumes frames of this kind itself.
        package var belongsToTransport: Bool {
            switch self {
            case .hello, .abort, .heartbeat, .goodbye: true
            case .control, .plan, .opening, .preparation, .correction, .credit: false
            }
        }

        /// The total in which frames of this kind usually count.
        package var usualMeter: Meter {
            switch self {
            case .opening: .online
            case .preparation: .preparation
            case .correction: .correction
            case .hello, .control, .plan, .credit, .abort, .heartbeat, .goodbye: .control
            }
        }
    }

    /// The total in which a sent frame counts: the sender's choice, and not on the wire.
    package enum Meter: Int, Sendable, CaseIterable {
        /// Inputs, openings and reveals of a run.
        case online
        /// Masking what is fixed, once.
        case setup
        /// What the dealer sends.
        case correction
        /// What parties send each other before inputs are known, where there is no dealer.
        case preparation
        /// Handshake, plans, agreement, heartbeats.
        case control
    }

    /// The largest payload, 64 MiB: what is larger is cut by whoever sends it.
    package static let maximumPayload = 64 << 20

    package var kind: Kind
    package var meter: Meter
    /// The truncated hash of what is bound to the run; 0 where a frame belongs to no run.
    package var binding: UInt64
    /// The run's number in its session.
    package var run: UInt64
    /// The round within the run; of corrections and preparations, which of the run's frames it is.
    package var round: UInt32
    package var payload: ByteBuffer
    /// Where there are words: nearly all frames have none, and are copied at the price of a pointer.
    private var handed: Handed?

    private final class Handed: Sendable {
        let words: any HandedWords

        init(_ words: any HandedWords) {
            self.words = words
        }
    }

    /// Words in place of the payload's bytes, which is empty then; see ``Transport/handsOver(to:)``.
    package var words: (any HandedWords)? {
        get { handed?.words }
        set { handed = newValue.map(Handed.init) }
    }

    /// Whether there are words in place of the payload's bytes.
    package var carriesWords: Bool {
        handed != nil
    }

    /// Makes a frame; the meter is the kind's usual one unless it is given.
    package init(
        _ kind: Kind,
        meter: Meter? = nil,
        binding: UInt64 = 0,
        run: UInt64 = 0,
        round: UInt32 = 0,
        payload: ByteBuffer = ByteBuffer()
    ) {
        self.kind = kind
        self.meter = meter ?? kind.usualMeter
        self.binding = binding
        self.run = run
        self.round = round
        self.payload = payload
    }

    /// The length of the payload, or of what it would be where words stand in its place.
    package var payloadSize: Int {
        handed?.words.byteCount ?? payload.readableBytes
    }

    /// The bytes that the frame takes on the wire, or would take.
    package var wireSize: Int {
        FrameHeader.size + payloadSize
    }

    /// The payload, or what it would be where words stand in its place: for who records what members say.
    ///
    /// - Throws: what kept the words from being there.
    package func payloadBytes() throws -> ByteBuffer {
        try handed?.words.bytes() ?? payload
    }

    /// Carries the words of another frame from now on, if it has any.
    mutating func takeWords(of other: Frame) {
        handed = other.handed
    }

    /// Gives up what the frame carries, and overwrites it where nobody else has it.
    mutating func wipe() {
        payload.wipe()
        guard var words = handed?.words else { return }
        handed = nil
        words.wipe()
    }
}
