import CrypTen
import Foundation

/// A bare exchange of eight bytes between parties 0 and 1: blocking calls on a TCP connection of their own, and nothing else.
struct PingPong: Sendable {
    var exchanges: Int

    /// Seconds that one exchange takes, there and back, in the median; all parties call it, and parties 0 and 1 know.
    ///
    /// - Throws: `.connectionFailed` for what the operating system refuses.
    func seconds(on session: Session) async throws -> Double? {
        let listener = session.party.index == 0 ? try Descriptor.listening() : nil
        let port = try await session.broadcast(from: PartyID(0)) {
            guard let listener else { return [] }
            let port = try listener.port()
            return [UInt8(port >> 8), UInt8(port & 255)]
        }
        guard port.count == 2, session.party.index < 2 else { return nil }
        guard let listener else {
            let connection = try Descriptor.connected(port: UInt16(port[0]) << 8 | UInt16(port[1]))
            for _ in 0..<exchanges { try connection.send(try connection.receive()) }
            return nil
        }
        let connection = try listener.accepted()
        var seconds: [Double] = []
        for index in 0..<exchanges {
            let start = ContinuousClock.now
            try connection.send(UInt64(index))
            guard try connection.receive() == UInt64(index) else {
                throw CrypTenError(.malformedFrame, "a bare exchange brought back other bytes")
            }
            seconds.append((ContinuousClock.now - start) / .seconds(1))
        }
        return seconds.median
    }
}

/// A file descriptor of a socket on loopback, closed with its last reference.
private final class Descriptor: Sendable {
    private let number: CInt

    private init(_ number: CInt) throws {
        guard number >= 0 else { throw Descriptor.failure("a socket can't be made") }
        self.number = number
    }

    deinit {
        close(number)
    }

    static func listening() throws -> Descriptor {
        let socket = try made()
        let bound = withLoopback(port: 0) { bind(socket.number, $0, $1) }
        guard bound == 0, listen(socket.number, 1) == 0 else { throw failure("a socket can't listen") }
        return socket
    }

    static func connected(port: UInt16) throws -> Descriptor {
        let socket = try made()
        guard withLoopback(port: port, { connect(socket.number, $0, $1) }) == 0 else {
            throw failure("a socket can't connect")
        }
        try socket.sendAtOnce()
        return socket
    }

    func port() throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
        }
        guard result == 0 else { throw Descriptor.failure("a socket has no name") }
        return UInt16(bigEndian: address.sin_port)
    }

    func accepted() throws -> Descriptor {
        let connection = try Descriptor(accept(number, nil, nil))
        try connection.sendAtOnce()
        return connection
    }

    func send(_ word: UInt64) throws {
        let sent = withUnsafeBytes(of: word) { write(number, $0.baseAddress, 8) }
        guard sent == 8 else { throw Descriptor.failure("eight bytes can't be sent") }
    }

    func receive() throws -> UInt64 {
        var word: UInt64 = 0
        let received = withUnsafeMutableBytes(of: &word) { recv(number, $0.baseAddress, 8, CInt(MSG_WAITALL)) }
        guard received == 8 else { throw Descriptor.failure("eight bytes don't come") }
        return word
    }

    private static func made() throws -> Descriptor {
        #if canImport(Darwin)
        let stream = SOCK_STREAM
        #else
        let stream = CInt(SOCK_STREAM.rawValue)
        #endif
        let socket = try Descriptor(socket(AF_INET, stream, 0))
        // A partner that is gone ends the exchange.
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return socket
    }

    private func sendAtOnce() throws {
        var on: CInt = 1
        guard setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
            throw Descriptor.failure("a socket takes no options")
        }
    }

    private static func withLoopback<Result>(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func failure(_ what: String) -> CrypTenError {
        CrypTenError(.peerLost, "a bare exchange over loopback failed: \(what) (\(String(cString: strerror(errno))))")
    }
}
