import CrypTenTransport
import Foundation
import NIOCore
import Synchronization
import Testing

/// Stands in front of a member's port and passes frames on, whole ones, to see each and to do something at a chosen one.
final class FrameRelay: Sendable {
    /// What becomes of a frame, and of the connection that it is on.
    enum Verdict: Sendable {
        case pass
        /// The connection is closed at both ends before the frame.
        case cut
        /// The connection is closed in the middle of the frame.
        case cutInside
        /// The connection stays, and nothing goes through it any more in either direction.
        case freeze
    }

    /// Where members call.
    let address: String
    private let descriptor: Int32
    private let target: String
    private let judge: @Sendable (FrameHeader) -> Verdict
    private let open = Mutex<(isClosed: Bool, descriptors: [Int32])>((false, []))

    init(to target: String, judge: @escaping @Sendable (FrameHeader) -> Verdict) throws {
        self.target = target
        self.judge = judge
        descriptor = FrameRelay.makeSocket()
        var name = FrameRelay.name(of: "127.0.0.1:0")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) { [descriptor] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
                    ? getsockname(descriptor, address, &length) : -1
            }
        }
        try #require(result == 0)
        address = "127.0.0.1:\(UInt16(bigEndian: name.sin_port))"
        Thread.detachNewThread { [self] in
            while true {
                let caller = accept(descriptor, nil, nil)
                guard caller >= 0, keep(caller) else { return }
                Thread.detachNewThread { self.serve(caller) }
            }
        }
    }

    /// Ends all connections.
    func close() {
        let descriptors = open.withLock { open in
            open.isClosed = true
            return open.descriptors
        }
        for end in descriptors + [descriptor] { shutdown(end, Int32(SHUT_RDWR)) }
    }

    deinit {
        Foundation.close(descriptor)
    }

    /// Whether the relay is still there; the connection is ended with it.
    private func keep(_ end: Int32) -> Bool {
        open.withLock { open in
            if !open.isClosed { open.descriptors.append(end) }
            return !open.isClosed
        }
    }

    private func serve(_ caller: Int32) {
        var called = FrameRelay.makeSocket()
        var attempts = 0
        while !FrameRelay.connects(called, target) {
            // Whoever is called may start later.
            Foundation.close(called)
            attempts += 1
            guard attempts < 1000, !open.withLock(\.isClosed) else { return }
            usleep(20_000)
            called = FrameRelay.makeSocket()
        }
        guard keep(called) else { return }
        let isFrozen = Mutex(false)
        let frozen: @Sendable (Bool) -> Bool = { freezes in
            isFrozen.withLock { value in
                value = value || freezes
                return value
            }
        }
        Thread.detachNewThread { [called] in self.pass(from: called, to: caller, frozen) }
        pass(from: caller, to: called, frozen)
    }

    private func pass(from: Int32, to: Int32, _ frozen: @Sendable (Bool) -> Bool) {
        while var frame = FrameRelay.read(from, FrameHeader.size) {
            var buffer = ByteBuffer(bytes: frame)
            guard let (header, _) = try? FrameHeader.read(from: &buffer),
                let payload = FrameRelay.read(from, Int(header.length))
            else { break }
            frame += payload
            let verdict = frozen(false) ? .freeze : judge(header)
            switch verdict {
            case .pass:
                FrameRelay.write(to, frame[...])
                continue
            case .freeze:
                _ = frozen(true)
                continue
            case .cut: break
            case .cutInside: FrameRelay.write(to, frame[..<(frame.count / 2)])
            }
            shutdown(from, Int32(SHUT_RDWR))
            break
        }
        // What has come before the end has gone; the other direction ends by itself.
        if !frozen(false) { shutdown(to, Int32(SHUT_RDWR)) }
    }

    private static func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard count > 0 else { return bytes }
        let read = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
        return read == count ? bytes : nil
    }

    private static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) {
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    static func makeSocket() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    static func connects(_ descriptor: Int32, _ target: String) -> Bool {
        var name = name(of: target)
        return withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func name(of address: String) -> sockaddr_in {
        let parts = address.split(separator: ":")
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = (UInt16(parts[1]) ?? 0).bigEndian
        inet_pton(AF_INET, String(parts[0]), &name.sin_addr)
        return name
    }
}
