import Foundation
import NIOConcurrencyHelpers
import _CrypTenTestSupport

#if os(Linux)
/// Stands in front of a member's port, passes bytes on as they come, keeps them, and may change them.
final class ByteRelay: Sendable {
    private struct State {
        var isClosed = false
        var ends: [Int32] = []
        var seen: [UInt8] = []
    }

    /// Where members call.
    let port: Int
    private let listening: Int32
    private let target: String
    /// Gets what has come in one direction so far, its number of bytes before this piece, and the piece.
    private let change: @Sendable (_ isOut: Bool, _ position: Int, _ piece: inout [UInt8]) -> Void
    private let state = NIOLockedValueBox(State())

    /// A relay to an address of this machine.
    init(
        to target: String,
        change: @escaping @Sendable (_ isOut: Bool, _ position: Int, _ piece: inout [UInt8]) -> Void = { _, _, _ in }
    ) throws {
        self.target = target
        self.change = change
        listening = FrameRelay.makeSocket()
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &name) { [listening] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listening, address, length) == 0 && listen(listening, 16) == 0
                    ? getsockname(listening, address, &length) : -1
            }
        }
        precondition(result == 0, "a relay finds no port")
        port = Int(UInt16(bigEndian: name.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let caller = accept(listening, nil, nil)
                guard caller >= 0 else { return }
                let called = FrameRelay.makeSocket()
                guard FrameRelay.connects(called, target) else {
                    Foundation.close(caller)
                    Foundation.close(called)
                    continue
                }
                state.withLockedValue { $0.ends += [caller, called] }
                Thread.detachNewThread { self.pass(from: caller, to: called, isOut: true) }
                Thread.detachNewThread { self.pass(from: called, to: caller, isOut: false) }
            }
        }
    }

    /// All that has gone through, in both directions.
    var seen: [UInt8] { state.withLockedValue(\.seen) }

    /// Ends all connections.
    func close() {
        state.withLockedValue { state in
            state.isClosed = true
            for end in state.ends { shutdown(end, Int32(SHUT_RDWR)) }
        }
        shutdown(listening, Int32(SHUT_RDWR))
    }

    private func pass(from source: Int32, to sink: Int32, isOut: Bool) {
        var position = 0
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(source, &room, room.count, 0)
            guard count > 0 else { break }
            var piece = Array(room[..<count])
            change(isOut, position, &piece)
            position += count
            state.withLockedValue { $0.seen += piece }
            var rest = piece[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard sent > 0 else { return }
                rest = rest.dropFirst(sent)
            }
        }
        shutdown(sink, Int32(SHUT_WR))
    }
}
#endif
