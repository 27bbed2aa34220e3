import CrypTenBase
import CrypTenExpressions
import CrypTenRuntime
import CrypTenTransport
import NIOCore

/// What a connection is fed: any bytes, cut anywhere, at every state of the conversation.
///
/// The first byte chooses what the rest is for, the second how it is cut. Tags aren't checked, as whoever took part in a
/// handshake can make them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = ByteBuffer(bytes: UnsafeBufferPointer(start: start, count: count))
    guard let use = input.readInteger(as: UInt8.self), let cut = input.readInteger(as: UInt8.self) else { return 0 }
    do {
        switch use % 6 {
        case 0: try assemble(input, cut: Int(cut))
        case 1: converse(Start.answering, input, cut: Int(cut))
        case 2: converse(Start.calling, input, cut: Int(cut))
        case 3: converse(Start.open, input, cut: Int(cut))
        case 4: converse(Start.open, framed(input), cut: Int(cut))
        default: try payloads(input)
        }
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}

/// Cuts a stream into frames twice, handed over and read into the assembler's own memory: with one outcome.
private func assemble(_ stream: ByteBuffer, cut: Int) throws {
    func outcome(_ feed: (inout FrameAssembler, ByteBuffer) -> Void) throws -> (frames: [FrameHeader], bytes: Int) {
        var assembler = FrameAssembler()
        var (frames, bytes): ([FrameHeader], Int) = ([], 0)
        for piece in pieces(stream, cut) {
            feed(&assembler, piece)
            while let raw = try assembler.next() {
                precondition(raw.payload.readableBytes == Int(raw.header.length), "a frame has its payload")
                frames.append(raw.header)
                bytes += raw.payload.readableBytes
            }
        }
        return (frames, bytes)
    }
    let handed = try? outcome { $0.append($1) }
    let read = try? outcome { assembler, piece in
        _ = assembler.fill { space in
            let count = min(space.count, piece.readableBytes)
            piece.withUnsafeReadableBytes { space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            return count
        }
    }
    precondition(handed?.bytes == read?.bytes || (read?.bytes ?? 0) <= (handed?.bytes ?? .max), "bytes are lost")
    precondition((handed == nil) == (read == nil) || read?.frames.isEmpty ?? true, "two outcomes of one stream")
}

/// One end of a connection, driven as a transport drives it.
private func converse(_ start: ConnectionStateMachine, _ stream: ByteBuffer, cut: Int) {
    var machine = start
    var assembler = FrameAssembler()
    for piece in pieces(stream, cut) {
        assembler.append(piece)
        do {
            while !machine.ignoresFrames, var raw = try assembler.next(limit: machine.payloadLimit) {
                perform(machine.received(&raw), &machine)
            }
        } catch {
            guard let error = error as? CrypTenError else { preconditionFailure("an error without a code: \(error)") }
            perform(machine.failed(error), &machine)
        }
        guard !machine.ignoresFrames else { break }
        machine.heard(1, ending: 0, at: .now)
    }
    perform(machine.disconnected(betweenFrames: assembler.isBetweenFrames), &machine)
    precondition(machine.ignoresFrames, "nothing comes after the end")
}

private func perform(_ action: ConnectionStateMachine.Action, _ machine: inout ConnectionStateMachine) {
    switch action {
    case .introduced(let caller):
        let refuses = caller == .dealer
        perform(refuses ? machine.refuse(CrypTenError(.wrongSession, "no dealer")) : machine.admit(), &machine)
    case .deliver(let frame):
        precondition(!frame.kind.belongsToTransport, "frames of the transport stay there")
    case .fail(let error, let last), .turnAway(let error, let last):
        precondition(
            !error.message.isEmpty && last.map { $0.payload.readableBytes == AbortMessage.size } ?? true,
            "an abort is short"
        )
    default:
        break
    }
}

/// Party 0 with party 1 at the other end; made once, for drawing keys takes longer than all else.
private enum Start {
    static let zero = identity(0)
    static let one = identity(1)
    static let answering = ConnectionStateMachine(zero, calling: nil, checksTags: false)
    static let calling = ConnectionStateMachine(zero, calling: .party(PartyID(1)), checksTags: false)
    static let open: ConnectionStateMachine = {
        var machine = ConnectionStateMachine(zero, calling: nil, checksTags: false)
        let hello = Frame(.hello, payload: Handshake(one).hello.encoded)
        var first = raw(hello, sequence: 0)
        perform(machine.received(&first), &machine)
        return machine
    }()

    private static func identity(_ party: Int) -> CrypTenTransport.SessionIdentity {
        do {
            return try .init(role: .party(PartyID(party)), partyCount: 2, session: "s", parameters: "p")
        } catch {
            preconditionFailure("a session of two parties: \(error)")
        }
    }
}

private func raw(_ frame: Frame, sequence: UInt64) -> FrameAssembler.RawFrame {
    let header = FrameHeader(frame, from: 1, to: 0, epoch: 0, sequence: sequence)
    return FrameAssembler.RawFrame(header: header, tag: FrameTag(low: 0, high: 0), payload: frame.payload)
}

/// Frames of an open connection whose headers fit: kinds, lengths and payloads from the input.
private func framed(_ input: ByteBuffer) -> ByteBuffer {
    var (input, out) = (input, ByteBuffer())
    var sequence: UInt64 = 1
    while let kind = input.readInteger(as: UInt8.self), let length = input.readInteger(as: UInt8.self) {
        let payload = input.readSlice(length: min(Int(length), input.readableBytes)) ?? ByteBuffer()
        let frame = Frame(Frame.Kind(rawValue: UInt16(kind % 12)) ?? .control, payload: payload)
        let header = FrameHeader(frame, from: 1, to: 0, epoch: 0, sequence: sequence)
        out.writeImmutableBuffer(FrameCipher.unkeyed.sealedHeader(header, payload))
        out.writeImmutableBuffer(payload)
        sequence += 1
    }
    return out
}

/// What is read from payloads.
private func payloads(_ input: ByteBuffer) throws {
    var input = input
    guard let use = input.readInteger(as: UInt8.self) else { return }
    switch use % 3 {
    case 0:
        let hello = try Hello(decoding: input)
        let again = try Hello(decoding: hello.encoded)
        precondition(again == hello, "a hello says the same again")
    case 1:
        let abort = AbortMessage(decoding: input)
        precondition(!abort.error(from: nil, inHandshake: false).message.isEmpty, "an error has a message")
    default:
        let tensor = try TensorCoding.read(&input)
        var bytes = ByteBuffer()
        TensorCoding.write(tensor, to: &bytes)
        let again = try TensorCoding.read(&bytes)
        precondition(again.shape == tensor.shape && again.kind == tensor.kind, "a tensor is read as it was written")
    }
}

/// The stream in pieces of `cut` bytes, in one where that is 0.
private func pieces(_ stream: ByteBuffer, _ cut: Int) -> [ByteBuffer] {
    var (rest, out): (ByteBuffer, [ByteBuffer]) = (stream, [])
    while let piece = rest.readSlice(length: min(cut == 0 ? rest.readableBytes : cut, rest.readableBytes)),
        piece.readableBytes > 0
    {
        out.append(piece)
    }
    return out
}
