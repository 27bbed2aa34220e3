import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// Correlation words out of a party's own seed: all parties but the last.
final class SeededCorrelations: CorrelationSource {
    private let key: ExpansionKey
    private let context: RunContext

    init(key: ExpansionKey, _ context: RunContext) {
        self.key = key
        self.context = context
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        context.clock.measure(.expansion) { context.kernels.expand(key, number: number, from: 0, shape: [words]) }
    }
}

/// Correlation words that the dealer has corrected: the last party.
final class ReceivedCorrelations: CorrelationSource {
    private let chunks: any CorrectionChunks
    private let kernels: any Kernels
    private let clock: WorkClock
    private var reader = WordReader()

    init(_ chunks: any CorrectionChunks, _ kernels: any Kernels, clock: WorkClock) {
        self.chunks = chunks
        self.kernels = kernels
        self.clock = clock
    }

    deinit {
        reader.wipe()
    }

    func words(_ words: Int, number: UInt64) throws -> RingTensor {
        try clock.measure(.copying) { try reader.read(words, kernels) { try chunks.next() } }
    }

    /// After the last word that the plan reads.
    func finish() {
        precondition(reader.isEmpty, "a run reads all that its plan says is dealt")
    }
}

/// The corrections of one run, frame by frame: as they come from the dealer, or from where they were put when they came.
package protocol CorrectionChunks: AnyObject {
    /// What the next frame carries; the caller wipes it when it has read it.
    func next() throws -> WordChunk
}

/// Corrections on their way from the dealer.
///
/// Grants credit for what it has handed on. Chunks of a run are numbered where openings have their round, and the plan says how
/// long each is: nothing of one that comes twice, too early, or of another plan's is used.
final class IncomingCorrections: CorrectionChunks {
    private let context: RunContext
    private var used = 0
    private var chunks: UInt32 = 0
    /// Bytes that are to come.
    private(set) var missing: Int

    /// The corrections of a run whose plan says that it is dealt so many words.
    init(_ context: RunContext, words: Int) {
        self.context = context
        missing = words * 8
    }

    func next() throws -> WordChunk {
        precondition(missing > 0, "a run reads what its plan says is dealt")
        let chunk = try context.receive(.correction, round: chunks, from: .dealer)
        let due = min(missing, context.framing.chunkBytes)
        guard chunk.byteCount == due else {
            throw CrypTenError(
                .malformedFrame,
                "the dealer sent \(chunk.byteCount) bytes of run \(context.position.run) where the plan has \(due); it runs "
                    + "another plan",
                telling: Disclosure(.malformedFrame, about: .dealer)
            )
        }
        missing -= due
        chunks += 1
        used += due
        if used >= 1 << 20 { try grant() }
        return chunk
    }

    /// Gives back what has arrived, a mebibyte at a time; the dealer's window bounds what is on its way or waits here.
    private func grant() throws {
        var payload = ByteBuffer()
        payload.writeInteger(UInt64(used), endianness: .little)
        used = 0
        try context.send(.credit, WordChunk(payload), round: 0, to: .dealer)
    }
}

/// The dealer's side of the stream: cut into frames, held back when the window is full.
final class CorrectionStream: CorrectionSink {
    private let context: RunContext
    private let receiver: Role
    private(set) var account: CreditAccount
    private var outgoing = ByteBuffer()
    /// The same, where the receiver computes in the memory of the dealer's device.
    private var handed = HandedTensors()
    private let handsOver: Bool
    /// What a device still copies to the host.
    private var coming = OutgoingWords<Void>()
    private var chunks: UInt32 = 0

    init(_ context: RunContext, receiver: Role, account: CreditAccount) {
        self.context = context
        self.receiver = receiver
        self.account = account
        handsOver = context.transport.handsOver(to: receiver)
    }

    deinit {
        // Where an error ended the run.
        outgoing.wipe()
        handed.wipe()
    }

    func send(_ words: RingTensor) throws {
        try context.clock.measure(.copying) {
            guard handsOver else { return try coming.append(words, to: (), copy) }
            let words = try words.handedOver(by: context.kernels)
            try handed.append(words, chunkWords: context.framing.chunkBytes / 8) { chunk in
                try send(WordChunk(chunk))
                chunk = HandedTensors()
            }
        }
    }

    private func copy(_ words: UnsafePointer<UInt64>, _ count: Int, _: Void) throws {
        try fill(count) { $1.update(from: words + $0.lowerBound, count: $0.count) }
    }

    func send(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
        guard !handsOver else {
            var words = RingTensor(uninitialized: [count])
            words.withMutableWords { write(0..<count, $0) }
            return try send(words)
        }
        try context.clock.measure(.copying) {
            if context.kernels.computesAside { try coming.drain(leaving: 0, copy) }
            try fill(count, write)
        }
    }

    private func fill(_ count: Int, _ write: (Range<Int>, UnsafeMutablePointer<UInt64>) -> Void) throws {
        let perChunk = context.framing.chunkBytes / 8
        var written = 0
        while written < count {
            let end = min(count, written + perChunk - outgoing.readableBytes / 8)
            outgoing.write(written..<end, capacity: context.framing.chunkBytes, write)
            written = end
            if outgoing.readableBytes >= context.framing.chunkBytes { try flush() }
        }
    }

    /// Sends what is left.
    func finish() throws {
        try context.clock.measure(.copying) { try coming.drain(leaving: 0, copy) }
        if outgoing.readableBytes > 0 { try flush() }
        if handed.wordCount > 0 { try send(WordChunk(handed)) }
        handed = HandedTensors()
    }

    private func flush() throws {
        var payload = outgoing
        outgoing = context.buffers.take()
        defer { context.buffers.giveBack(&payload) }
        try send(WordChunk(payload))
    }

    private func send(_ chunk: WordChunk) throws {
        // What a failed device has made stays here.
        try context.kernels.check()
        while !account.hasRoom(for: chunk.byteCount) {
            let frame = try context.whilePresent(receiver, round: 0) {
                try context.clock.measure(.waitingForPeers) {
                    try context.transport.receive([.credit], from: receiver, deadline: .after(context.patience))
                }
            }
            try account.granted(try frame.grantedBytes(from: receiver), run: frame.run, by: receiver)
        }
        account.sent(chunk.byteCount)
        try context.send(.correction, chunk, round: chunks, to: receiver)
        chunks += 1
    }
}
