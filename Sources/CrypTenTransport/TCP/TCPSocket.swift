import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A second descriptor of a channel's socket, to write to it without going through the event loop.
///
/// A short message that must wait for the event loop to wake costs a change of threads; written at once it doesn't. The
/// descriptor is this object's own, so that whatever the channel does, the number is never another file's. It is closed when
/// the last reference goes, and until then the connection isn't closed for the peer.
final class TCPSocket: Sendable {
    private let descriptor: CInt

    /// A duplicate of a channel's descriptor; nil if the system has none left.
    init?(duplicating handle: CInt) {
        let copy = fcntl(handle, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        descriptor = copy
    }

    deinit {
        close(descriptor)
    }

    /// Writes as much as the socket takes now, and doesn't wait.
    ///
    /// - Returns: How many bytes went; fewer than all, also none, when the socket is full or broken: the event loop finds out.
    func write(_ first: ByteBuffer, _ second: ByteBuffer) -> Int {
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
                    return max(0, sendmsg(descriptor, &message, flags))
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
