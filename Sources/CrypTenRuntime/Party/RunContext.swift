import CrypTenBase
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import NIOCore

/// What all parts of one run at one role need: the transport, and what its frames are stamped with.
struct RunContext {
    let transport: any Transport
    let kernels: any Kernels
    let framing: Framing
    /// Which total the run's openings count in: setup, or online.
    let meter: Frame.Meter
    /// What every frame of the run says.
    let position: RunPosition
    /// How long one wait may last.
    ///
    /// A dead peer ends it earlier: liveness is the transport's business.
    let patience: Duration
    /// Where the time of the run goes.
    let clock: WorkClock
    /// The engine's, for as long as its session lasts.
    let buffers: FrameBuffers

    func send(_ kind: Frame.Kind, _ chunk: WordChunk, round: UInt32, to peer: Role) throws {
        let meter = kind == .opening ? meter : kind.usualMeter
        var frame = Frame(
            kind,
            meter: meter,
            binding: position.binding,
            run: position.run,
            round: round,
            payload: chunk.bytes
        )
        if chunk.tensors.byteCount > 0 { frame.words = chunk.tensors }
        try whilePresent(peer, round: round) {
            try clock.measure(.sending) { try transport.send(frame, to: peer, deadline: .after(patience)) }
        }
    }

    func receive(_ kind: Frame.Kind, round: UInt32, from peer: Role) throws -> WordChunk {
        try WordChunk(try frame(kind, round: round, marks: 0, from: peer))
    }

    /// The same of frames that say something else in some bits of their round, `marks`.
    ///
    /// - Returns: The payload, and the frame's round with these bits.
    func receive(
        _ kind: Frame.Kind,
        round: UInt32,
        marks: UInt32,
        from peer: Role
    ) throws -> (payload: ByteBuffer, round: UInt32) {
        let frame = try frame(kind, round: round, marks: marks, from: peer)
        return (frame.payload, frame.round)
    }

    private func frame(_ kind: Frame.Kind, round: UInt32, marks: UInt32, from peer: Role) throws -> Frame {
        let frame = try whilePresent(peer, round: round) {
            try clock.measure(peer == .dealer ? .waitingForDealer : .waitingForPeers) {
                try transport.receive([kind], from: peer, deadline: .after(patience))
            }
        }
        try position.check(frame, round: round | frame.round & marks, from: peer)
        return frame
    }

    /// Does what needs a peer; one that has left by then runs another program.
    func whilePresent<Result>(_ peer: Role, round: UInt32, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as CrypTenError where error.code == .sessionClosed {
            throw position.left(peer, round: round)
        }
    }
}
