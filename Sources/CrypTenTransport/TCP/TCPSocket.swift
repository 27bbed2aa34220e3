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
/// The descriptor is this object's own, so that the number is never another file's while someone polls it; it is closed when the
/// last reference goes.
final class TCPSocket: Carrier {
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

    let holdsInput = false

    func read(into assembler: inout FrameAssembler) -> ReadResult {
        var (count, result) = (0, ReadResult.nothing)
        let isFull = assembler.fill { space in
            (count, result) = receive(into: space)
            return count
        }
        return count > 0 ? .bytes(count, isFull: isFull) : result
    }

    /// Reads what has come to the end of a buffer, so many bytes at most.
    func read(into buffer: inout ByteBuffer, atMost limit: Int) -> ReadResult {
        var (count, result) = (0, ReadResult.nothing)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { space in
            (count, result) = receive(into: UnsafeMutableRawBufferPointer(rebasing: space.prefix(limit)))
            return count
        }
        return count > 0 ? .bytes(count, isFull: count == limit) : result
    }

    /// How many bytes have come into some room, and what it means if there are none.
    private func receive(into space: UnsafeMutableRawBufferPointer) -> (Int, ReadResult) {
        while true {
            let count = recv(descriptor, space.baseAddress, space.count, CInt(MSG_DONTWAIT))
            if count > 0 { return (count, .nothing) }
            if count == 0 { return (0, .end) }
            if errno == EINTR { continue }
            return (0, errno == EAGAIN || errno == EWOULDBLOCK ? .nothing : .failed(errno: errno))
        }
    }

    func endWriting() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    func hangUp() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

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
