import NIOConcurrencyHelpers
import NIOCore

/// TLS over a socket: the same as ``TCPSocket`` to whoever drives a connection.
///
/// One lock is around both directions, for TLS has state that they share. It is held for a piece of at most ``piece`` bytes, so that a
/// long write doesn't keep who reads.
final class TLSSocket: Carrier {
    private struct State {
        let engine: TLSEngine
        /// What the socket hasn't taken yet.
        var unsent = CircularBuffer<ByteBuffer>()
        /// How many bytes were encrypted that no write has told of: their ciphertext is in `unsent`, or gone since.
        var untold = 0
        /// What was decrypted and not read yet.
        var unread = CircularBuffer<ByteBuffer>()
    }

    /// How much is encrypted, or decrypted, at once: some records of 16 KiB, whose cost is then that of the cipher.
    private static let piece = 64 << 10
    /// What goes out together with a header: no more than one record holds.
    private static let joined = 16 << 10

    private let socket: TCPSocket
    private let state: NIOLockedValueBox<State>

    /// A conversation that goes on over a socket; its handshake is done.
    init(_ socket: TCPSocket, _ engine: TLSEngine) {
        self.socket = socket
        state = NIOLockedValueBox(State(engine: engine))
    }

    var descriptor: CInt { socket.descriptor }

    var peerAddress: String? { socket.peerAddress }

    func kernelBytesSent() -> UInt64? { socket.kernelBytesSent() }

    func hangUp() {
        socket.hangUp()
    }

    func endWriting() {
        state.withLockedValue { state in
            state.engine.endSending()
            state.unsent.append(contentsOf: state.engine.takeCiphertext())
            _ = flush(&state)
        }
        socket.endWriting()
    }

    var holdsInput: Bool {
        state.withLockedValue { !$0.unread.isEmpty }
    }

    func read(into assembler: inout FrameAssembler) -> ReadResult {
        state.withLockedValue { state in
            var mayHoldMore = false
            while state.unread.isEmpty {
                if let error = state.engine.failure { return .damaged(error) }
                if state.engine.hasEnded { return .end }
                let result = receive(&state)
                guard case .bytes(_, let isFull) = result else { return result }
                mayHoldMore = isFull
            }
            var count = 0
            _ = assembler.fill { space in
                count = TLSSocket.move(&state.unread, to: space)
                return count
            }
            let hasMore = mayHoldMore || !state.unread.isEmpty || state.engine.hasEnded
            return .bytes(count, isFull: hasMore || state.engine.failure != nil)
        }
    }

    /// Reads ciphertext, and decrypts it.
    private func receive(_ state: inout State) -> ReadResult {
        let result = state.engine.receive { socket.read(into: &$0, atMost: TLSSocket.piece) }
        guard case .bytes = result else { return result }
        state.unread.append(contentsOf: state.engine.takePlaintext().filter { $0.readableBytes > 0 })
        // What TLS itself has to say: new keys, or why it doesn't go on.
        state.unsent.append(contentsOf: state.engine.takeCiphertext())
        _ = flush(&state)
        return result
    }

    /// Moves what there is room for; returns how many bytes.
    private static func move(
        _ unread: inout CircularBuffer<ByteBuffer>,
        to space: UnsafeMutableRawBufferPointer
    ) -> Int {
        var count = 0
        while count < space.count, let first = unread.first {
            let part = min(space.count - count, first.readableBytes)
            first.withUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: space[count...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(part)))
            }
            count += part
            if part == first.readableBytes {
                unread.removeFirst()
            } else {
                unread[unread.startIndex].moveReaderIndex(forwardBy: part)
            }
        }
        return count
    }

    func write(_ first: ByteBuffer, _ second: ByteBuffer) -> Int? {
        var (first, second) = (first, second)
        var written = 0
        // What was encrypted stays encrypted: where the socket doesn't take it at once, it is told of when it has.
        while true {
            let goesOn = state.withLockedValue { state -> Bool? in
                guard flush(&state), state.engine.failure == nil else { return nil }
                guard state.unsent.isEmpty else { return false }
                written += state.untold
                TLSSocket.drop(state.untold, &first, &second)
                state.untold = 0
                guard let piece = TLSSocket.next(first, second) else { return false }
                state.engine.send(piece)
                state.untold = piece.readableBytes
                state.unsent.append(contentsOf: state.engine.takeCiphertext())
                return true
            }
            guard let goesOn else { return nil }
            guard goesOn else { return written }
        }
    }

    /// The next bytes to be encrypted together: a header goes with what follows it.
    private static func next(_ first: ByteBuffer, _ second: ByteBuffer) -> ByteBuffer? {
        guard first.readableBytes > 0 else {
            let count = min(piece, second.readableBytes)
            return count > 0 ? second.getSlice(at: second.readerIndex, length: count) : nil
        }
        guard second.readableBytes > 0, first.readableBytes < joined else {
            return first.getSlice(at: first.readerIndex, length: min(piece, first.readableBytes))
        }
        var both = ByteBuffer()
        let count = min(joined - first.readableBytes, second.readableBytes)
        both.reserveCapacity(first.readableBytes + count)
        both.writeImmutableBuffer(first)
        both.writeBytes(second.readableBytesView.prefix(count))
        return both
    }

    private static func drop(_ count: Int, _ first: inout ByteBuffer, _ second: inout ByteBuffer) {
        let fromFirst = min(count, first.readableBytes)
        first.moveReaderIndex(forwardBy: fromFirst)
        second.moveReaderIndex(forwardBy: count - fromFirst)
    }

    /// Writes ciphertext, as far as the socket takes it; whether the socket works.
    private func flush(_ state: inout State) -> Bool {
        while let bytes = state.unsent.first {
            guard let count = socket.write(bytes, ByteBuffer()) else { return false }
            guard count == bytes.readableBytes else {
                state.unsent[state.unsent.startIndex].moveReaderIndex(forwardBy: count)
                return true
            }
            state.unsent.removeFirst()
        }
        return true
    }
}
