import CrypTenBase
import CrypTenTransport
import NIOCore
import Testing

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Someone at the other end of a socket who says whatever a test wants: party 1 of 2 unless told otherwise.
final class RawPeer {
    private let descriptor: CInt
    private let identity: SessionIdentity
    private var machine: ConnectionStateMachine
    private var assembler = FrameAssembler()
    private(set) var cipher = FrameCipher.unkeyed
    private var room = ByteBuffer()
    private var sequence: UInt64 = 0

    /// Calls party 0.
    init(_ address: TCPAddress, session: String = "test", role: Role = .party(PartyID(1)), parties: Int = 2) throws {
        identity = try SessionIdentity(role: role, partyCount: parties, session: session, parameters: "")
        machine = ConnectionStateMachine(identity, calling: .party(PartyID(0)))
        #if canImport(Glibc)
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #else
        descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(UInt16(address.port).bigEndian)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { [descriptor] in
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit {
        close(descriptor)
    }

    func hangUp() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    func write(_ bytes: ByteBuffer) {
        _ = bytes.withUnsafeReadableBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// A frame's bytes, after `change` has had its way with the header.
    func encode(_ frame: Frame, change: (inout FrameHeader) -> Void = { _ in }) -> ByteBuffer {
        var header = FrameHeader(
            frame,
            from: identity.role.wireNumber,
            to: 0,
            epoch: 0,
            sequence: sequence
        )
        sequence += 1
        change(&header)
        let sealed = cipher.seal(header, frame.payload, in: &room)
        var bytes = sealed.header
        bytes.writeImmutableBuffer(sealed.payload)
        return bytes
    }

    func say(_ frame: Frame, change: (inout FrameHeader) -> Void = { _ in }) {
        write(encode(frame, change: change))
    }

    /// The next frame, nil when the other end has hung up.
    func hear() throws -> FrameAssembler.RawFrame? {
        while true {
            if let frame = try assembler.next() { return frame }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            assembler.append(ByteBuffer(bytes: buffer[..<count]))
        }
    }

    /// Says hello; returns what the other end's answer means.
    func introduce(change: (inout FrameHeader) -> Void = { _ in }) throws -> ConnectionStateMachine.Action {
        guard case .send(let hello) = machine.connected() else { return .wait }
        say(hello, change: change)
        var answer = try #require(try hear())
        let action = machine.received(&answer)
        if case .open(let peer, let secret, _) = action {
            cipher = secret.frames(from: identity.role, to: peer).cipher
        }
        return action
    }
}
