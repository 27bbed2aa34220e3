import CrypTenBase
package import CrypTenCorrelations
package import CrypTenRing
import Foundation
import Synchronization

/// Words from one thread to another, in order; whoever waits for them longer than a minute gives up.
final class WordPipe: @unchecked Sendable {
    private let condition = NSCondition()
    private var messages: [[UInt64]] = []
    private var isClosed = false
    /// Words that went through.
    private(set) var words = 0

    func send(_ message: [UInt64]) {
        condition.lock()
        messages.append(message)
        words += message.count
        condition.signal()
        condition.unlock()
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    func receive() throws -> [UInt64] {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date.now + 60
        while messages.isEmpty {
            guard !isClosed, condition.wait(until: deadline) else {
                throw CrypTenError(.peerLost, "the other party has ended")
            }
        }
        return messages.removeFirst()
    }
}

/// The two ends of a pair's connection; a message of an exchange is one list of words.
package final class PipeChannel: PairChannel {
    private let outgoing: WordPipe
    private let incoming: WordPipe
    private var sent: [UInt64] = []
    private var unread: [UInt64]?
    private var position = 0
    package private(set) var exchanges = 0
    /// Words that this end has sent.
    package private(set) var sentWords = 0

    init(_ outgoing: WordPipe, _ incoming: WordPipe) {
        (self.outgoing, self.incoming) = (outgoing, incoming)
    }

    package func send(_ words: RingTensor) throws {
        sent += words.elements
        sentWords += words.count
    }

    package func finishSending() throws {
        outgoing.send(sent)
        sent = []
        exchanges += 1
    }

    package func receive(_ count: Int) throws -> RingTensor {
        if unread == nil { unread = try incoming.receive() }
        guard position + count <= unread!.count else {
            throw CrypTenError(.malformedFrame, "\(unread!.count) words where more are due")
        }
        defer { position += count }
        return RingTensor(unread![position..<position + count], shape: [count])
    }

    package func finishReceiving() throws {
        if unread == nil { unread = try incoming.receive() }
        guard position == unread!.count else {
            throw CrypTenError(.malformedFrame, "\(unread!.count - position) words are left")
        }
        (unread, position) = (nil, 0)
    }
}

/// Two parties as threads of a test, with transfers set up in both directions.
package struct PairOfThreads: Sendable {
    package var height: TreeHeight
    package var kernels: NativeKernels

    package init(height: TreeHeight = .two, kernels: NativeKernels = NativeKernels(threads: 1)) {
        (self.height, self.kernels) = (height, kernels)
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
        return try PairOfThreads.connected { [kernels, height] party, channel in
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
        let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
        let group = DispatchGroup()
        for party in 0..<2 {
            group.enter()
            let thread = Thread {
                let channel = PipeChannel(pipes[party], pipes[1 - party])
                let result = Swift.Result { try body(party, channel) }
                pipes[party].close()
                results.withLock { $0[party] = result }
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        return try results.withLock { results in try (0..<2).map { try results[$0]!.get() } }
    }
}
