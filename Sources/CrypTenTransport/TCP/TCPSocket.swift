import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where a connection's bytes come in and go out: a socket that never makes its caller wait.
///
/// Whatever else a connection is to be carried by, encryption for one, takes the place of this type: it reads into given
/// room, writes what it can, and has a descriptor that says when to come again. The descriptor is this object's own, so that
/// the number is never another file's while someone polls it; it is closed when the last reference goes.
final class TCPSocket: Sendable {
    /// What came of reading.
    enum ReadResult {
        /// So many bytes, and whether all the room was filled.
        case bytes(Int, isFull: Bool)
        /// Nothing has come yet.
        case nothing
        /// The peer has hung up.
        case end
        /// The connection is broken.
        case failed(errno: CInt)
    }

    /// What to poll.
    let descriptor: CInt

    /// A duplicate of a channel's descriptor; nil if the system has none left.
    init?(duplicating handle: CInt) {
        let copy = fcntl(handle, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        descriptor = copy
    }

    deinit {
        close(descriptor)
    }

    /// Where the other end is, as `host:port`; nil where the system doesn't say.
    var peerAddress: String? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var (host, port) = ([CChar](repeating: 0, count: 64), [CChar](repeating: 0, count: 8))
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getpeername(descriptor, address, &length) == 0
                    ? getnameinfo(
                        address,
                        length,
                        &host,
                        socklen_t(host.count),
                        &port,
                        socklen_t(port.count),
                        NI_NUMERICHOST | NI_NUMERICSERV
                    ) : -1
            }
        }
        guard result == 0 else { return nil }
        let texts = [host, port].map {
            String(decoding: $0.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        return Int(texts[1]).map { TCPAddress(host: texts[0], port: $0).description }
    }

    /// Reads what has come, as far as there is room in an assembler.
    func read(into assembler: inout FrameAssembler) -> ReadResult {
        var result = ReadResult.nothing
        var bytes = 0
        let isFull = assembler.fill { space in
            while true {
                let count = recv(descriptor, space.baseAddress, space.count, CInt(MSG_DONTWAIT))
                if count > 0 {
                    bytes = count
                } else if count == 0 {
                    result = .end
                } else if errno == EINTR {
                    continue
                } else if errno != EAGAIN, errno != EWOULDBLOCK {
                    result = .failed(errno: errno)
                }
                return max(0, count)
            }
        }
        return bytes > 0 ? .bytes(bytes, isFull: isFull) : result
    }

    /// Tells the peer that nothing more will come.
    func endWriting() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Ends the connection in both directions, for all that poll it as well.
    func hangUp() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Writes as much as the socket takes now, and doesn't wait.
    ///
    /// - Returns: How many bytes went, fewer than all, also none, when the socket is full; nil when it is broken.
    func write(_ first: ByteBuffer, _ second: ByteBuffer) -> Int? {
        first.withUnsafeReadableBytes { first in
            second.withUnsafeReadableBytes { second in
                // `sendmsg` only reads through the pointers, which `iovec` declares as mutable.
                withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
                    parts.initializeElement(
                        at: 0,
                        to: iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count)
                    )
                    parts.initializeElement(
                        at: 1,
                        to: iovec(
                            iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress),
                            iov_len: second.count
                        )
                    )
                    var message = msghdr()
                    message.msg_iov = parts.baseAddress
                    message.msg_iovlen = second.isEmpty ? 1 : 2
                    #if canImport(Darwin)
                    let flags = MSG_DONTWAIT  // NIO sets SO_NOSIGPIPE on its sockets
                    #else
                    let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
                    #endif
                    let count = sendmsg(descriptor, &message, flags)
                    if count >= 0 { return count }
                    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : nil
                }
            }
        }
    }

    /// How many bytes of data the kernel has sent, retransmissions left out; nil where it doesn't say.
    func kernelBytesSent() -> UInt64? {
        #if os(Linux)
        // struct tcp_info of linux/tcp.h: tcpi_bytes_sent and tcpi_bytes_retrans, since Linux 4.19. The C library's own
        // declaration ends before them.
        let bytesSentOffset = 200
        let bytesRetransmittedOffset = 208
        let level = CInt(6)  // IPPROTO_TCP
        let option = CInt(11)  // TCP_INFO
        return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { info in
            var length = socklen_t(info.count)
            guard
                getsockopt(descriptor, level, option, info.baseAddress, &length) == 0,
                Int(length) >= bytesRetransmittedOffset + 8
            else { return nil }
            let sent = info.load(fromByteOffset: bytesSentOffset, as: UInt64.self)
            return sent - info.load(fromByteOffset: bytesRetransmittedOffset, as: UInt64.self)
        }
        #else
        return nil
        #endif
    }
}
