import CrypTenBase
import CrypTenTransport
import NIOConcurrencyHelpers
import NIOCore

/// What a member may do wrong with one frame that it sends, or its program: the frame is authenticated all the same.
enum FrameFault: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case wrongRound, wrongRun, wrongBinding, wrongKind
    /// Eight bytes more, or less.
    case excessWord, missingWord
    /// Three bytes less: no whole words.
    case missingBytes
    /// All of the payload is missing.
    case empty
    case drop, duplicate
    /// After the next frame to the same member.
    case swap
    /// The frame before it, to the same member, comes again first.
    case replay

    var description: String { rawValue }

    /// With which codes a member may end.
    var codes: Set<CrypTenError.Code> {
        // Who waits for more than comes waits until its patience is over.
        [.diverged, .malformedFrame, .malformedFile, .wordReused, .timedOut, .partyFailed]
    }

    /// What is sent in a frame's place; nil for a fault of order.
    func changed(_ frame: Frame) -> Frame? {
        var frame = frame
        switch self {
        case .wrongRound: frame.round += 1
        case .wrongRun: frame.run += 1
        case .wrongBinding: frame.binding ^= 1
        case .wrongKind: frame.kind = frame.kind == .plan ? .control : .plan
        case .excessWord: frame.payload.writeInteger(UInt64(7))
        case .missingWord: frame.payload = frame.payload.without(8)
        case .missingBytes: frame.payload = frame.payload.without(3)
        case .empty: frame.payload = ByteBuffer()
        case .drop, .duplicate, .swap, .replay: return nil
        }
        return frame
    }
}

extension ByteBuffer {
    fileprivate func without(_ bytes: Int) -> ByteBuffer {
        getSlice(at: readerIndex, length: max(0, readableBytes - bytes)) ?? ByteBuffer()
    }
}

/// A transport whose member does one thing wrong with one frame.
final class FaultyTransport: ForwardingTransport {
    private struct Peer {
        var seen: [SeenFrame] = []
        var previous: Frame?
        /// A frame that is to be sent after the next one.
        var held: Frame?
    }

    private struct State {
        var peers: [Role: Peer] = [:]
        var happened: ContinuousClock.Instant?
    }

    let base: any Transport
    private let injection: Injection<FrameFault>?
    private let state = NIOLockedValueBox(State())

    init(_ base: any Transport, _ injection: Injection<FrameFault>?) {
        self.base = base
        self.injection = injection
    }

    /// When the fault happened; nil if its frame never came.
    var happened: ContinuousClock.Instant? { state.withLockedValue(\.happened) }

    /// What was to be sent over each link.
    var seen: [DirectedLink: [SeenFrame]] {
        state.withLockedValue { state in
            var seen: [DirectedLink: [SeenFrame]] = [:]
            for (peer, sent) in state.peers { seen[DirectedLink(sender: role, recipient: peer)] = sent.seen }
            return seen
        }
    }

    func send(_ frame: Frame, to peer: Role, deadline: Deadline) throws {
        let frames = state.withLockedValue { state -> [Frame] in
            let link = DirectedLink(sender: role, recipient: peer)
            var sent = state.peers[peer] ?? Peer()
            let place = FramePlace(link: link, number: sent.seen.count)
            sent.seen.append(SeenFrame(kind: frame.kind, payload: frame.payload.readableBytes))
            defer {
                sent.previous = frame
                state.peers[peer] = sent
            }
            if let held = sent.held {
                sent.held = nil
                return [frame, held]
            }
            guard let injection, injection.place == place else { return [frame] }
            state.happened = .now
            switch injection.fault {
            case .drop: return []
            case .duplicate: return [frame, frame]
            case .replay: return [sent.previous, frame].compactMap { $0 }
            case .swap:
                sent.held = frame
                return []
            case let fault: return [fault.changed(frame) ?? frame]
            }
        }
        for frame in frames { try base.send(frame, to: peer, deadline: deadline) }
    }
}
