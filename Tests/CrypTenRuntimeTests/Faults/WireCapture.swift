import CrypTenBase
import CrypTenTransport
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// What whoever listens on the network gets of a run, beside what members handed to the sealer and what they logged.
final class WireCapture: Sendable {
    /// A frame that went over the wire.
    struct Frame: Sendable {
        var link: DirectedLink
        var header: FrameHeader
        /// Header, tag and payload.
        var bytes: [UInt8]

        var payload: ArraySlice<UInt8> { bytes[FrameHeader.size...] }
        var tag: ArraySlice<UInt8> { bytes[48..<FrameHeader.size] }
        /// As a receiver takes it up.
        var raw: FrameAssembler.RawFrame {
            let words = tag.withUnsafeBytes { bytes in
                (
                    UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            return .init(
                header: header,
                tag: FrameTag(low: words.0, high: words.1),
                payload: ByteBuffer(bytes: payload)
            )
        }

        var isHello: Bool { header.kind == CrypTenTransport.Frame.Kind.hello.rawValue }
    }

    /// What a member was about to send.
    struct Plaintext: Sendable {
        var sender: Role
        var header: FrameHeader
        var bytes: [UInt8]
    }

    private struct State {
        var frames: [Frame] = []
        var plaintexts: [Plaintext] = []
        var logs: [(role: Role, text: String)] = []
    }

    private let state = NIOLockedValueBox(State())

    var frames: [Frame] { state.withLockedValue(\.frames) }
    var plaintexts: [Plaintext] { state.withLockedValue(\.plaintexts) }
    var logs: [(role: Role, text: String)] { state.withLockedValue(\.logs) }

    func add(_ header: FrameHeader, _ bytes: [UInt8], on link: DirectedLink) {
        state.withLockedValue { $0.frames.append(Frame(link: link, header: header, bytes: bytes)) }
    }

    func add(plaintext: ByteBuffer, _ header: FrameHeader, from role: Role) {
        let bytes = Array(plaintext.readableBytesView)
        state.withLockedValue { $0.plaintexts.append(Plaintext(sender: role, header: header, bytes: bytes)) }
    }

    func add(log text: String, from role: Role) {
        state.withLockedValue { $0.logs.append((role, text)) }
    }

    /// The kinds of all frames that went over the wire.
    var kinds: Set<CrypTenTransport.Frame.Kind> {
        Set(frames.compactMap { CrypTenTransport.Frame.Kind(rawValue: $0.header.kind) })
    }
}

/// Writes logs into a capture.
struct CapturingLogHandler: LogHandler {
    private let role: Role
    private let capture: WireCapture
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(_ role: Role, _ capture: WireCapture) {
        self.role = role
        self.capture = capture
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        capture.add(log: "\(event.message) \(event.metadata.map { "\($0)" } ?? "")", from: role)
    }
}

extension Collection<UInt8> where Index == Int {
    /// All runs of eight bytes.
    var windows: Set<UInt64> {
        guard count >= 8 else { return [] }
        var windows = Set<UInt64>(minimumCapacity: count)
        var window: UInt64 = 0
        for (index, byte) in enumerated() {
            window = window << 8 | UInt64(byte)
            if index >= 7 { windows.insert(window) }
        }
        return windows
    }
}
