import CrypTenBase
package import CrypTenCorrelations
package import CrypTenRing
import Foundation

/// Tensors from one thread to another, in order; whoever waits for them longer than some minutes gives up.
final class WordPipe: @unchecked Sendable {
    private let condition = NSCondition()
    /// Nil after the last of an exchange.
    private var messages: [RingTensor?] = []
    private var isClosed = false
    private var isWaiting = false

    func send(_ message: RingTensor?) {
        condition.lock()
        messages.append(message)
        if isWaiting { condition.signal() }
        condition.unlock()
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    /// All that have come, at least one.
    func receive() throws -> [RingTensor?] {
        condition.lock()
        defer {
            isWaiting = false
            condition.unlock()
        }
        let deadline = Date.now + 300
        while messages.isEmpty {
            isWaiting = true
            guard !isClosed, condition.wait(until: deadline) else {
                throw CrypTenError(.peerLost, "the other party has ended")
            }
        }
        defer { messages = [] }
        return messages
    }
}

/// The two ends of a pair's connection: what is sent is handed over as it is.
package final class PipeChannel: PairChannel {
    private let outgoing: WordPipe
    private let incoming: WordPipe
    /// What has come, the last first.
    private var arrived: [RingTensor?] = []
    package private(set) var exchanges = 0
    /// Whether what is sent is kept, exchange by exchange.
    package var isRecording = false
    package private(set) var messages: [[UInt64]] = []
    /// After so many exchanges this party is gone.
    package var lastExchange = Int.max
    /// Words that this end has sent.
    package private(set) var sent = 0
    private var recorded: [UInt64] = []

    init(_ outgoing: WordPipe, _ incoming: WordPipe) {
        (self.outgoing, self.incoming) = (outgoing, incoming)
    }

    package func send(_ words: RingTensor) throws {
        try checkPresence()
        guard words.count > 0 else { return }
        sent += words.count
        if isRecording { recorded += words.elements }
        outgoing.send(words.reshaped(to: [words.count]))
    }

    /// Forgets what was recorded.
    package func forget() {
        messages = []
    }

    package func finishSending() throws {
        try checkPresence()
        if isRecording { messages.append(recorded) }
        recorded = []
        outgoing.send(nil)
        exchanges += 1
    }

    private func checkPresence() throws {
        guard exchanges < lastExchange else { throw CrypTenError(.peerLost, "this party ends here") }
    }

    private func next() throws -> RingTensor? {
        if arrived.isEmpty { arrived = try incoming.receive().reversed() }
        return arrived.removeLast()
    }

    package func receive(_ count: Int) throws -> RingTensor {
        var parts: [RingTensor] = []
        var missing = count
        while missing > 0 {
            guard let part = try next() else {
                arrived.append(nil)
                throw CrypTenError(.malformedFrame, "\(missing) words less than are due")
            }
            if part.count > missing { arrived.append(part.flat(missing..<part.count)) }
            parts.append(part.flat(0..<min(missing, part.count)))
            missing -= parts.last!.count
        }
        return parts.count == 1 ? parts[0] : RingTensor(parts.flatMap(\.elements), shape: [count])
    }

    package func finishReceiving() throws {
        if let rest = try next() { throw CrypTenError(.malformedFrame, "\(rest.count) words are left") }
    }
}

/// Two parties as threads of a test, with transfers set up in both directions.
package struct PairOfThreads: Sendable {
    package var height: TreeHeight
    package var kernels: NativeKernels
    /// Whether channels keep what is sent.
    package var records: Bool

    package init(height: TreeHeight = .two, kernels: NativeKernels = NativeKernels(threads: 1), records: Bool = false) {
        (self.height, self.kernels, self.records) = (height, kernels, records)
    }

    /// What each party's body returns.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (Pair, PipeChannel) throws -> Result
    ) throws -> [Result] {
        let transfers = TransferKernels(kernels)
        // Direction d: party d sends words.
        var senders: [TransferSender] = []
        var receivers: [TransferReceiver] = []
        for direction in 0..<2 {
            let label: [UInt8] = [1, UInt8(direction)]
            let chooser = TransferReceiverSetup(label: label, height: height, kernels: transfers)
            let sender = try TransferSenderSetup(offer: chooser.offer, label: label, height: height, kernels: transfers)
            let (trees, receiver) = try chooser.finish(sender.answer)
            senders.append(try sender.finish(trees))
            receivers.append(receiver)
        }
        nonisolated(unsafe) let (sending, choosing) = (senders, receivers)
        return try PairOfThreads.connected { [kernels, height, records] party, channel in
            channel.isRecording = records
            let pair = Pair(
                party: party,
                kernels: kernels,
                sender: sending[party].run([7]),
                receiver: choosing[1 - party].run([7]),
                height: height
            )
            return try body(pair, channel)
        }
    }

    /// What two threads return that have a connection, and nothing else yet.
    package static func connected<Result: Sendable>(
        _ body: @escaping @Sendable (_ party: Int, PipeChannel) throws -> Result
    ) throws -> [Result] {
        let pipes = [WordPipe(), WordPipe()]
        return try inTwoThreads(closing: pipes) { party in
            try body(party, PipeChannel(pipes[party], pipes[1 - party]))
        }.map { try $0.get() }
    }
}
