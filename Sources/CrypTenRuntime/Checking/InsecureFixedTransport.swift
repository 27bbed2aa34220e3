import CrypTenBase
import CrypTenTransport
import Crypto
import NIOConcurrencyHelpers
import NIOCore

/// A transport whose secrets follow from who shares them, and how often they did: the words of a session that is run again are the same.
final class InsecureFixedTransport: ForwardingTransport {
    let base: any Transport
    private let state = NIOLockedValueBox(State())

    private struct State {
        var secrets: [String: Int] = [:]
        var links: [String: SHA256] = [:]
        var frames = 0
    }

    init(_ base: any Transport) {
        self.base = base
    }

    /// Of what this member has sent, by link.
    var transcript: [String: String] {
        state.withLockedValue { state in
            state.links.mapValues { $0.finalize().map { String($0, radix: 16) }.joined(separator: " ") }
        }
    }

    var frames: Int { state.withLockedValue(\.frames) }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        if frame.kind != .credit {
            let payload = try frame.payloadBytes()
            state.withLockedValue { state in
                let head = "\(frame.kind) \(frame.run) \(frame.round) \(frame.binding) \(payload.readableBytes)"
                state.links["\(role) to \(peer)", default: SHA256()].update(data: Array(head.utf8))
                state.links["\(role) to \(peer)"]?.update(data: Array(payload.readableBytesView))
                state.frames += 1
            }
        }
        try base.send(frame, to: peer, deadline: deadline)
    }

    func nextSecret(with peer: Role) throws -> SymmetricKey {
        let pair = ["\(role)", "\(peer)"].sorted().joined(separator: " and ")
        let number = state.withLockedValue { state in
            state.secrets[pair, default: 0] += 1
            return state.secrets[pair] ?? 0
        }
        return SymmetricKey(data: SHA256.hash(data: Array("\(pair) \(number)".utf8)))
    }
}
