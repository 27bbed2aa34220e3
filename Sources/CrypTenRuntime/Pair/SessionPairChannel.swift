import CrypTenBase
import CrypTenCorrelations
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// The two parties' way to each other while they make correlations: words, in frames of one kind, which count apart from what runs send.
///
/// Frames are numbered where openings have their round, through all exchanges of a run; the highest bit says that a frame is the last one of its sender in
/// this exchange, and every exchange has one, empty where nothing is left to send. So what is missing, comes twice or too early, or belongs
/// to another run is never read as something else.
///
/// Both parties send an exchange's words before they read the last ones of it, while they send the next. What is sent and not read yet waits at the receiver, who takes it in whenever it waits itself, for a frame or for
/// room to send; so two who send at the same time don't wait for each other, whatever an exchange has.
final class SessionPairChannel: PairChannel {
    /// The mark of the last frame of an exchange.
    static let lastMark: UInt32 = 1 << 31

    private let context: RunContext
    private let peer: Role
    /// Correlations are made on processors, wherever runs compute.
    private let kernels: NativeKernels
    private var outgoing = ByteBuffer()
    private var sent: UInt32 = 0
    private var reader = WordReader()
    private var received: UInt32 = 0
    /// Whether the other's last frame of this exchange has come.
    private var hasAll = false
    /// How many exchanges are over.
    private(set) var exchanges = 0

    init(_ context: RunContext, peer: Role) {
        (self.context, self.peer) = (context, peer)
        kernels = context.kernels as? NativeKernels ?? NativeKernels(threads: 1)
    }

    deinit {
        // Where an error ended it.
        outgoing.wipe()
        reader.wipe()
    }

    // MARK: Sending

    func send(_ words: RingTensor) throws {
        let perFrame = context.framing.chunkBytes / 8
        try words.withWords { place in
            var written = 0
            while written < words.count {
                if outgoing.readableBytes >= context.framing.chunkBytes { try flush(isLast: false) }
                let end = min(words.count, written + perFrame - outgoing.readableBytes / 8)
                outgoing.write(place, written..<end, capacity: context.framing.chunkBytes)
                written = end
            }
        }
    }

    func finishSending() throws {
        try flush(isLast: true)
    }

    private func flush(isLast: Bool) throws {
        var payload = outgoing
        outgoing = context.buffers.take()
        defer { context.buffers.giveBack(&payload) }
        let number = try next(sent)
        let round = isLast ? number | SessionPairChannel.lastMark : number
        try context.send(.preparation, WordChunk(payload), round: round, to: peer)
        sent += 1
    }

    /// - Throws: `.invalidArgument` where numbers end: after 512 TiB.
    private func next(_ number: UInt32) throws -> UInt32 {
        guard number < SessionPairChannel.lastMark else {
            throw CrypTenError(.invalidArgument, "a run whose preparation takes more than 2^31 frames; divide the plan")
        }
        return number
    }

    // MARK: Receiving

    func receive(_ count: Int) throws -> RingTensor {
        try reader.read(count, kernels) { WordChunk(try nextPayload(missing: count)) }
    }

    private func nextPayload(missing count: Int) throws -> ByteBuffer {
        guard !hasAll else {
            throw malformed("sent less than the \(count) words that are due")
        }
        let payload = try nextFrame()
        guard payload.readableBytes > 0 else { throw malformed("sent nothing where \(count) words are due") }
        return payload
    }

    private func nextFrame() throws -> ByteBuffer {
        let (payload, number) = try context.receive(
            .preparation,
            round: next(received),
            marks: SessionPairChannel.lastMark,
            from: peer
        )
        received += 1
        hasAll = number & SessionPairChannel.lastMark != 0
        let longest = context.framing.chunkBytes
        guard payload.readableBytes <= longest, payload.readableBytes % 8 == 0,
            hasAll || payload.readableBytes == longest
        else { throw malformed("sent a frame of \(payload.readableBytes) bytes") }
        return payload
    }

    func finishReceiving() throws {
        if !hasAll {
            var rest = try nextFrame()
            defer { rest.wipe() }
            guard hasAll, rest.readableBytes == 0 else { throw malformed("sent more than is due") }
        }
        guard reader.isEmpty else { throw malformed("sent more than is due") }
        reader.wipe()
        hasAll = false
        exchanges += 1
    }

    private func malformed(_ what: String) -> CrypTenError {
        CrypTenError(
            .malformedFrame,
            "\(peer) \(what), in exchange \(exchanges + 1) of preparing run \(context.position.run); it runs another program",
            telling: Disclosure(.malformedFrame, about: peer)
        )
    }
}
