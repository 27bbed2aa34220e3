import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// One party's openings of one run: everything that a round opens goes to each peer as one stream, cut into frames.
///
/// The plan says how long each frame is, and nothing of one of another length is read.
final class RoundExchange: OpeningExchange {
    private struct Pending {
        var own: RingTensor?
        var opening: Opening
    }

    private let context: RunContext
    private let party: Int
    private let peers: [Int]
    /// What this round sends, by party.
    private var outgoing: [ByteBuffer]
    /// The same for those who compute in the memory of this party's device.
    private var handed: [HandedTensors]
    private let handsOver: [Bool]
    /// What of it a device still copies to the host, with the parties that get it.
    private var coming = OutgoingWords<[Int]>()
    /// What the round before opened, not read yet; and what this round opens.
    private var opened: [Pending] = []
    private var opening: [Pending] = []
    private var readers: [WordReader]
    /// By party: the bytes of the round before that are to come.
    private var missing: [Int]
    private var round: UInt32 = 0
    private var nextOpened = 0

    init(_ context: RunContext, party: Int, parties: Int) {
        self.context = context
        self.party = party
        peers = (0..<parties).filter { $0 != party }
        outgoing = Array(repeating: ByteBuffer(), count: parties)
        handed = Array(repeating: HandedTensors(), count: parties)
        handsOver = (0..<parties).map { $0 != party && context.transport.handsOver(to: .party(PartyID($0))) }
        readers = Array(repeating: WordReader(), count: parties)
        missing = Array(repeating: 0, count: parties)
    }

    deinit {
        for peer in peers {
            outgoing[peer].wipe()
            handed[peer].wipe()
            readers[peer].wipe()
        }
    }

    func append(_ part: RingTensor?, _ opening: Opening) throws {
        let sends = opening.sender ?? party == party
        guard sends == (part != nil) else { preconditionFailure("who sends an opening has a part of it") }
        if let part {
            try context.clock.measure(.copying) {
                let receivers = opening.receiver.map { receiver in peers.filter { $0 == receiver } } ?? peers
                if context.kernels.computesAside {
                    try send(part, to: receivers)
                } else {
                    try part.withWords { try write($0, part.count, to: receivers) }
                }
            }
        }
        let learns = opening.receiver ?? party == party
        self.opening.append(Pending(own: learns ? part : nil, opening: opening))
    }

    func next() throws -> RingTensor? {
        let opening = opened[nextOpened].opening
        // The only owner of its storage, so that it becomes the sum where it is.
        var sum = opened[nextOpened].own.take()
        nextOpened += 1
        guard opening.receiver ?? party == party else { return nil }
        for peer in peers where opening.sender ?? peer == peer {
            guard let partial = sum.take() else {
                sum = try read(opening.words, from: peer)
                continue
            }
            sum = try combined(partial, opening, from: peer)
        }
        guard let sum else { preconditionFailure("an opening has a sender") }
        return sum
    }

    private func read(_ words: Int, from peer: Int) throws -> RingTensor {
        try context.clock.measure(.copying) {
            try readers[peer].read(words, context.kernels) { try receive(from: peer) }
        }
    }

    /// What is there of an opening with a peer's part: on a processor, out of the frames that it comes in.
    private func combined(_ sum: consuming RingTensor, _ opening: Opening, from peer: Int) throws -> RingTensor {
        let (kernels, isXOR) = (context.kernels, opening.combination == .xor)
        guard kernels.computesAside else {
            try context.clock.measure(.copying) {
                try readers[peer].read(opening.words, into: &sum, xor: isXOR, kernels) { try receive(from: peer) }
            }
            return sum
        }
        let words = try read(opening.words, from: peer)
        guard isXOR else {
            kernels.accumulate(&sum, adding: words)
            return sum
        }
        var planes = kernels.planes(sum, planes: 1, count: opening.words * 64)
        sum = RingTensor(zeros: [0])
        kernels.accumulate(&planes, xor: kernels.planes(words, planes: 1, count: opening.words * 64))
        return planes.asWords
    }

    /// Sends what is left of the round and makes what it opened readable.
    func finishRound() throws {
        if context.kernels.computesAside {
            try context.clock.measure(.copying) { try coming.drain(leaving: 0, write) }
        }
        for peer in peers {
            try flush(to: peer, least: 1)
            if handed[peer].wordCount > 0 { try hand(&handed[peer], to: peer) }
        }
        checkAllRead()
        swap(&opened, &opening)
        opening.removeAll(keepingCapacity: true)
        nextOpened = 0
        round += 1
        for peer in peers {
            missing[peer] = 8 * opened.reduce(0) { $0 + $1.opening.words(from: peer, to: party) }
        }
    }

    /// After the last stage, which opens nothing.
    func finish() {
        precondition(opening.isEmpty, "a plan ends with what its last round has opened")
        checkAllRead()
    }

    private func checkAllRead() {
        precondition(
            nextOpened == opened.count && readers.allSatisfy(\.isEmpty) && missing.allSatisfy { $0 == 0 },
            "a round's stages read all that the one before has opened"
        )
    }

    private func send(_ part: RingTensor, to peers: [Int]) throws {
        for peer in peers where handsOver[peer] {
            let words = try part.handedOver(by: context.kernels)
            try handed[peer].append(words, chunkWords: context.framing.chunkBytes / 8) { chunk in
                try hand(&chunk, to: peer)
            }
        }
        let others = peers.filter { !handsOver[$0] }
        if !others.isEmpty { try coming.append(part, to: others, write) }
    }

    private func write(_ words: UnsafePointer<UInt64>, _ count: Int, to peers: [Int]) throws {
        for peer in peers { try write(words, count, to: peer) }
    }

    private func write(_ words: UnsafePointer<UInt64>, _ count: Int, to peer: Int) throws {
        let perChunk = context.framing.chunkBytes / 8
        var written = 0
        while written < count {
            let room = perChunk - outgoing[peer].readableBytes / 8
            let end = min(count, written + room)
            outgoing[peer].write(words, written..<end, capacity: context.framing.chunkBytes)
            written = end
            try flush(to: peer, least: context.framing.chunkBytes)
        }
    }

    private func hand(_ chunk: inout HandedTensors, to peer: Int) throws {
        try context.kernels.check()
        try context.send(.opening, WordChunk(chunk), round: round, to: .party(PartyID(peer)))
        chunk = HandedTensors()
    }

    private func flush(to peer: Int, least: Int) throws {
        guard outgoing[peer].readableBytes >= least else { return }
        // What a failed device has made stays here.
        try context.kernels.check()
        var payload = outgoing[peer]
        outgoing[peer] = context.buffers.take()
        defer { context.buffers.giveBack(&payload) }
        try context.send(.opening, WordChunk(payload), round: round, to: .party(PartyID(peer)))
    }

    private func receive(from peer: Int) throws -> WordChunk {
        let chunk = try context.receive(.opening, round: round - 1, from: .party(PartyID(peer)))
        let due = min(missing[peer], context.framing.chunkBytes)
        guard chunk.byteCount == due else {
            throw CrypTenError(
                .diverged,
                "\(PartyID(peer)) opened \(chunk.byteCount) bytes in round \(round - 1) where the plan has \(due); it runs "
                    + "another program",
                telling: Disclosure(.anotherProgram, about: .party(PartyID(peer)))
            )
        }
        missing[peer] -= due
        return chunk
    }
}
