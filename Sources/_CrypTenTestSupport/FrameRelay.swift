#if os(Linux)
import CrypTenBase
package import CrypTenTransport
import Foundation
import NIOConcurrencyHelpers
import NIOCore

/// Stands in front of a member's port and passes frames on, whole ones, to see each and to do something at a chosen one.
///
/// It reads lengths out of headers, which are in the clear, and knows no key. Each direction of a connection has a thread,
/// which blocks.
package final class FrameRelay: Sendable {
    /// Which way a frame goes.
    package enum Direction: Hashable, Sendable {
        /// From who has called to who is called.
        case out
        case back
    }

    /// What becomes of a frame, and of the connection that it is on.
    package enum Verdict: Sendable {
        case pass
        /// These bytes come in its place: none, others, or more.
        case replace([UInt8])
        /// It comes later, and so does what follows.
        case delay(Duration)
        /// The connection is closed at both ends before the frame.
        case cut
        /// The connection is closed in the middle of the frame.
        case cutInside
        /// The connection stays, and nothing goes through it any more in either direction.
        case freeze
        /// The same in this direction alone: everything is taken, and nothing comes.
        case silence
        /// Nothing more is taken in this direction.
        case stall
    }

    private struct State {
        var isClosed = false
        var descriptors: [Int32] = []
        var threads = 0
    }

    /// Where members call.
    package let address: String
    private let listening: Int32
    private let target: String
    private let judge: @Sendable (FrameHeader, [UInt8], Direction) -> Verdict
    private let state: NIOLockedValueBox<State>

    /// A relay that listens on a port of its own.
    ///
    /// - Parameters:
    ///   - target: Where it leads; whoever listens there may start later.
    ///   - judge: Gets a header, the whole frame, and its direction; one direction's frames come in order on one thread.
    /// - Throws: `.addressInUse` if there is no port.
    package init(
        to target: String,
        judge: @escaping @Sendable (FrameHeader, [UInt8], Direction) -> Verdict
    ) throws {
        self.target = target
        self.judge = judge
        listening = FrameRelay.makeSocket()
        state = NIOLockedValueBox(State(descriptors: [listening]))
        var name = FrameRelay.name(of: "127.0.0.1:0")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) { [listening] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listening, address, length) == 0 && listen(listening, 16) == 0
                    ? getsockname(listening, address, &length) : -1
            }
        }
        guard result == 0 else {
            Foundation.close(listening)
            throw CrypTenError(.addressInUse, "a relay finds no port")
        }
        address = "127.0.0.1:\(UInt16(bigEndian: name.sin_port))"
        start {
            while true {
                let caller = accept($0.listening, nil, nil)
                guard caller >= 0, $0.keep(caller) else { return }
                $0.start { $0.serve(caller) }
            }
        }
    }

    /// Ends all connections; threads and descriptors go soon after.
    package func close() {
        state.withLockedValue { state in
            state.isClosed = true
            // Under the lock: afterwards the last thread may close them, and their numbers be another connection's.
            for end in state.descriptors { shutdown(end, Int32(SHUT_RDWR)) }
        }
    }

    /// Runs a body on a thread; the last one closes what is open, once the relay is closed.
    private func start(_ body: @escaping @Sendable (FrameRelay) -> Void) {
        state.withLockedValue { $0.threads += 1 }
        Thread.detachNewThread { [self] in
            body(self)
            let unused = state.withLockedValue { state -> [Int32] in
                state.threads -= 1
                guard state.isClosed, state.threads == 0 else { return [] }
                defer { state.descriptors = [] }
                return state.descriptors
            }
            for end in unused { Foundation.close(end) }
        }
    }

    private var isClosed: Bool {
        state.withLockedValue(\.isClosed)
    }

    /// Whether the relay is still there; the connection is ended with it, and closed here if it isn't.
    private func keep(_ end: Int32) -> Bool {
        let isKept = state.withLockedValue { state in
            if !state.isClosed { state.descriptors.append(end) }
            return !state.isClosed
        }
        if !isKept { Foundation.close(end) }
        return isKept
    }

    private func serve(_ caller: Int32) {
        var called = FrameRelay.makeSocket()
        var attempts = 0
        while !FrameRelay.connects(called, target) {
            // Whoever is called may start later.
            Foundation.close(called)
            attempts += 1
            guard attempts < 1000, !isClosed else { return }
            usleep(20_000)
            called = FrameRelay.makeSocket()
        }
        guard keep(called) else { return }
        let connection = Connection()
        start { [called] in $0.pass(.back, from: called, to: caller, connection) }
        pass(.out, from: caller, to: called, connection)
    }

    /// What the two directions of a connection have in common.
    private final class Connection: Sendable {
        let isFrozen = NIOLockedValueBox(false)
    }

    private func pass(_ direction: Direction, from source: Int32, to sink: Int32, _ connection: Connection) {
        var isSilent = false
        while var frame = FrameRelay.read(source, FrameHeader.size) {
            var buffer = ByteBuffer(bytes: frame)
            guard let (header, _) = try? FrameHeader.read(from: &buffer),
                let payload = FrameRelay.read(source, Int(header.length))
            else { break }
            frame += payload
            if isSilent || connection.isFrozen.withLockedValue({ $0 }) { continue }
            switch judge(header, frame, direction) {
            case .pass:
                FrameRelay.write(sink, frame[...])
            case .replace(let bytes):
                FrameRelay.write(sink, bytes[...])
            case .delay(let time):
                let (seconds, attoseconds) = time.components
                usleep(UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
                FrameRelay.write(sink, frame[...])
            case .freeze:
                connection.isFrozen.withLockedValue { $0 = true }
            case .silence:
                isSilent = true
            case .stall:
                while !isClosed { usleep(10_000) }
                return
            case .cutInside:
                FrameRelay.write(sink, frame[..<(frame.count / 2)])
                fallthrough
            case .cut:
                for end in [source, sink] { shutdown(end, Int32(SHUT_RDWR)) }
                return
            }
        }
        // What has come before the end has gone. What is silent doesn't say that it has ended either.
        if !isSilent, !connection.isFrozen.withLockedValue({ $0 }) { shutdown(sink, Int32(SHUT_WR)) }
    }

    private static func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard count > 0 else { return bytes }
        let read = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
        return read == count ? bytes : nil
    }

    private static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            // A connection that is broken says so to who reads from it.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// A socket that isn't connected.
    package static func makeSocket() -> Int32 {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(made, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return made
    }

    /// Connects a socket with an address on this machine; false where nobody listens.
    package static func connects(_ descriptor: Int32, _ target: String) -> Bool {
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
#endif
