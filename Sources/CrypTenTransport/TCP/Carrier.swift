import NIOCore

/// What carries a connection's bytes: a socket, or TLS over one. It never makes its caller wait.
///
/// It reads into given room, writes what it can, and has a descriptor that says when to come again. Reading and writing may be done by
/// two threads at once; of each kind one at a time. After a write that took a part, the next one begins with the rest.
protocol Carrier: Sendable {
    /// What to poll.
    var descriptor: CInt { get }
    /// Where the other end is, as `host:port`; nil where the system doesn't say.
    var peerAddress: String? { get }
    /// Reads what has come, as far as there is room in an assembler.
    func read(into assembler: inout FrameAssembler) -> ReadResult
    /// Whether something has come that was taken from the socket and not read yet: the descriptor doesn't tell of it.
    var holdsInput: Bool { get }
    /// Writes as much as is taken now, and doesn't wait.
    ///
    /// - Returns: How many bytes went, fewer than all, also none, when the socket is full; nil when the connection is broken.
    func write(_ first: ByteBuffer, _ second: ByteBuffer) -> Int?
    /// Tells the peer that nothing more will come.
    func endWriting()
    /// Ends the connection in both directions, for all that poll it as well.
    func hangUp()
    /// How many bytes of data the kernel has sent, retransmissions left out; nil where it doesn't say.
    func kernelBytesSent() -> UInt64?
}

/// What came of reading.
enum ReadResult {
    /// So many bytes, and whether more may be waiting.
    case bytes(Int, isFull: Bool)
    /// Nothing has come yet.
    case nothing
    /// The peer has hung up.
    case end
    /// The connection is broken.
    case failed(errno: CInt)
    /// What has come isn't from the peer, or was changed on the way.
    case damaged(any Error)
}
